import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { ServeHandlers } from '../../src/server/serve/serve-handlers.js';
import { open, type Peer, packet, request, scheduling, T } from './peer.js';
import { cleaning, peerOf, serving } from './stage.js';

/*
 * The frame scenarios of the public suite in which the suite is the client: its packets as they are, byte for byte, where the
 * vectors have them.
 */

cleaning();

const VECTORS = JSON.parse(
  readFileSync(new URL('../../../../spec/preview4/vectors.json', import.meta.url), 'utf8'),
) as { readonly positive: readonly { readonly name: string; readonly hex: string }[] };

function suite(name: string): Buffer {
  const vector = VECTORS.positive.find((found) => found.name === `suite.${name}`);
  return Buffer.from(vector?.hex ?? '', 'hex');
}

/** The start of every scenario. The session has id 1, which the packets of the suite name. */
async function started(peer: Peer): Promise<void> {
  peer.send(suite('cancel_tcp.client_hello'));
  const hello = await peer.get(T.helloAck);
  expect([hello.metadata.readUInt8(0), hello.metadata.readUInt8(1), hello.u32(8)]).toEqual([1, 0, 2]);
  peer.send(packet(T.open, {}, open()));
  const ack = await peer.get(T.openAck);
  expect([ack.session, ack.u32(0), ack.u16(4), ack.metadata.readUInt8(7), ack.u32(8), ack.u32(12)]).toEqual([
    1, 1, 2, 0, 0x1001, 3,
  ]);
  expect(ack.u16(16)).toBeGreaterThan(0);
  expect(ack.body).toHaveLength(0);
}

async function ended(peer: Peer, close: Buffer, operation: bigint): Promise<void> {
  peer.send(close);
  const ack = await peer.get(T.sessionCloseAck);
  expect([ack.metadata.length, ack.metadata.readUInt8(0), ack.u64(4)]).toEqual([16, 2, operation]);
  // Nothing else has come, and nothing comes.
  await peer.settled();
}

const RESULT = 'wire-external-result';

/** A target that answers what the public suite asks for, as its first control message says. */
const TARGET: ServeHandlers = {
  submit: (operation) => operation.finished,
  event: (event, session) => {
    const operation = session.operations.get(
      event.type === 'cacheReference' ? 1 : 'frameId' in event ? event.frameId : 0,
    );
    switch (event.type) {
      case 'cancelRequest':
        session.controls.traceContext({ traceId: 0x1234n, spanId: 0x5678n, stageCode: 1, body: 'trace' });
        break;
      case 'expireAt':
        return operation?.drop({ reasonCode: 2 });
      case 'cacheReference': {
        const { cacheNamespace, cacheKeyHi, cacheKeyLo, profileId } = event.metadata;
        session.controls.cacheMiss({ cacheNamespace, cacheKeyHi, cacheKeyLo, profileId });
        return operation?.complete(RESULT);
      }
      default:
    }
    return undefined;
  },
};

describe('the public suite', () => {
  it('cancels, and gets a trace on frame 0 and then the reason', async () => {
    const peer = await peerOf(await serving(TARGET, { deadlines: 'report' }));
    await started(peer);
    peer.send(suite('cancel_tcp.frame_submit'), packet(T.cancel, { session: 1, frame: 1 }, request(101)));
    const trace = await peer.get(T.trace);
    const wanted = suite('cancel_tcp.trace_answer');
    // The header names the trace as well, which receivers compare; the vector of 4.22 does not.
    wanted.writeBigUInt64LE(0x1234n, 32);
    expect(trace.all.toString('hex')).toBe(wanted.toString('hex'));
    const drop = await peer.get(T.dropReason);
    expect([drop.session, drop.frame, drop.u64(0), drop.u16(16), drop.metadata.readUInt8(18)]).toEqual([
      1,
      1,
      101n,
      3,
      2,
    ]);
    await ended(peer, suite('cancel_tcp.session_close'), 101n);
  });

  it('sends a deadline before its submit, and gets a result', async () => {
    const server = await serving({
      submit: (operation: OperationContext) => {
        expect(operation.deadlineMs).toBeGreaterThan(1e9);
        return RESULT;
      },
    });
    const peer = await peerOf(server);
    await started(peer);
    peer.send(suite('deadline_tcp.deadline'), suite('deadline_tcp.frame_submit'));
    const result = await peer.get(T.result);
    expect([result.frame, result.text]).toEqual([1, RESULT]);
    await ended(peer, suite('deadline_tcp.session_close'), 151n);
  });

  it('changes priority and expiry, and gets the drop of the application', async () => {
    const peer = await peerOf(await serving(TARGET, { deadlines: 'report' }));
    await started(peer);
    const submit = Buffer.from(suite('cancel_tcp.frame_submit'));
    submit.writeBigUInt64LE(201n, 80);
    peer.send(
      submit,
      packet(T.priority, { session: 1, frame: 1 }, scheduling(201, 0, 0, 10)),
      packet(T.expireAt, { session: 1, frame: 1 }, scheduling(201, 1, 3)),
    );
    const drop = await peer.get(T.dropReason);
    const wanted = suite('priority_quic.drop_answer');
    // Flags are free: this is the last answer.
    wanted.writeUInt8(1, 59);
    expect(drop.all.toString('hex')).toBe(wanted.toString('hex'));
  });

  it('negotiates capabilities with a body that is no list of tokens, and has its object missed', async () => {
    const peer = await peerOf(await serving(TARGET, { deadlines: 'report' }));
    await started(peer);
    const submit = Buffer.from(suite('cancel_tcp.frame_submit'));
    submit.writeBigUInt64LE(401n, 80);
    const hint = Buffer.alloc(32);
    hint.writeBigUInt64LE(401n, 0);
    hint.writeUInt32LE(92, 8);
    hint.writeUInt16LE(3, 12);
    hint.writeUInt16LE(4, 14);
    hint.writeBigUInt64LE(1_800_000_000_000n, 16);
    hint.writeUInt32LE(4, 24);
    const reference = Buffer.alloc(56);
    reference.writeUInt32LE(1, 0);
    reference.writeUInt16LE(2, 4);
    reference.writeUInt16LE(1, 6);
    reference.writeBigUInt64LE(1234605616436508552n, 8);
    reference.writeBigUInt64LE(11072869122414935808n, 16);
    reference.writeBigUInt64LE(99n, 32);
    reference.writeUInt32LE(1000, 40);
    reference.writeUInt32LE(4, 44);
    peer.send(
      submit,
      suite('capability_quic.capability_negotiation'),
      packet(T.routeHint, { session: 1, frame: 1 }, hint, 'hint'),
      packet(T.cacheReference, { session: 1 }, reference, 'ref!'),
    );
    const miss = await peer.get(T.cacheMiss);
    expect([miss.frame, miss.u32(0), miss.u16(4), miss.u16(6), miss.u64(8), miss.u64(16), miss.u32(24)]).toEqual([
      0,
      1,
      2,
      1,
      1234605616436508552n,
      11072869122414935808n,
      0,
    ]);
    const result = await peer.get(T.result);
    expect([result.frame, result.text]).toEqual([1, RESULT]);
  });

  it('asks as openai-compatible/1 does, and gets deltas as raw JSON and a typed result', async () => {
    const delta = { type: 'response.output_text.delta', index: 0, delta: 'pong' };
    const end = Buffer.from(JSON.stringify({ type: 'response.completed' }));
    const server = await serving({
      async *submit(operation) {
        const [asked] = operation.payloadFrames;
        expect(JSON.parse(Buffer.from(asked?.payload ?? []).toString())).toMatchObject({ request_id: 'req_wire_1' });
        operation.progress({ stageCode: 5 });
        yield JSON.stringify(delta);
        const prelude = Buffer.alloc(32);
        prelude.writeUInt32LE(24, 16);
        prelude.writeUInt32LE(end.length, 20);
        return {
          metadata: { payloadKindBitmap: 0x10, payloadFrameCount: 1, activeProfileId: 0 },
          body: [prelude, end],
        };
      },
    });
    const peer = await peerOf(server);
    await started(peer);
    peer.send(suite('openai_tcp.frame_submit'));
    await peer.get(T.progress);
    expect((await peer.get(T.partial)).all.toString('hex')).toBe(suite('openai_tcp.delta_answer').toString('hex'));
    const result = await peer.get(T.result);
    expect([result.u32(56), result.u16(60)]).toEqual([0x10, 1]);
  });
});
