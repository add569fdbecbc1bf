import { once } from 'node:events';
import { FlowSender, type Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpResult } from '../../src/client/results/nnrp-result.js';
import { FLOW_UPDATE } from '../../src/connection/sending/codecs.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { HandlerFailure } from '../../src/server/contract/server-events.js';
import { NnrpServer } from '../../src/server/server.js';
import type { FramedTransport, PacketSink } from '../../src/transport/contract/contract.js';
import { MemoryListener } from '../../src/transport/memory.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';
import { packetBytes } from '../support/wire-packets.js';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const LARGE = 100_000;
const LIMITS = { maxInFlightOperations: 64, grantedOperationCredit: 64 };
const OBJECT = { kind: preview3.CacheObjectKind.PromptSegment, namespace: 1, key: 1n };
const IDENTITY = { objectKind: OBJECT.kind, cacheNamespace: 1, cacheKeyHi: 0, cacheKeyLo: 1 };
const CHANGED = { code: 'NNRP_ERR_USAGE', message: expect.stringMatching(/had 100000 bytes .* and has 0 now/) };

const stage = new Stage();
afterEach(() => stage.clear());

/** Transfers memory to nobody, as to another thread. */
function transferAway(body: Uint8Array): void {
  structuredClone(body.buffer, { transfer: [body.buffer as ArrayBuffer] });
  expect(body.length).toBe(0);
}

/** Tells the client, past the server, how many operations the connection may have in flight. */
function grantConnection(transport: FramedTransport, connectionCredit: number): void {
  const metadata = new Uint8Array(FLOW_UPDATE.bytes);
  const update = new FlowSender(preview3.ScopeKind.Connection).next({ credit: connectionCredit });
  FLOW_UPDATE.encode(update, new DataView(metadata.buffer), 0);
  const head = packetBytes(preview3.MessageType.FlowUpdate, 0, 0, metadata);
  transport.send({
    headBytes: head.length,
    writeHead: (view, start) => new Uint8Array(view.buffer, view.byteOffset + start, head.length).set(head),
    body: new Uint8Array(0),
  });
}

/**
 * A server that answers with the length of the body, and a client with two sessions on it.
 * @returns the server's end of the connection, too
 */
async function measured() {
  const listener = await carrier.listen();
  const accepts = vi.spyOn(listener, 'accept');
  const server = stage.serveOn(listener, { ...LIMITS, drainTimeoutMs: 5000 });
  const client = await stage.connect(server);
  void server.serve({ submit: ({ body }) => `${body.length}` });
  const options = { maxInFlightOperations: 64, defaultDeadlineMs: 0 };
  const [session, other] = [await client.openSession(options), await client.openSession(options)];
  return { client, session, other, transport: (await accepts.mock.results[0]?.value) as FramedTransport };
}

describe('the body of a submit that is transferred away', () => {
  it('while it waits to be sent costs its own operation, and says so', async () => {
    const { client, session, other, transport } = await measured();
    transport.pause();
    const before = Array.from({ length: 40 }, () => session.submitNow(new Uint8Array(1_000_000)));
    const bodies = Array.from({ length: 3 }, () => new Uint8Array(LARGE));
    const lost = bodies.map((body) => session.submitNow(body));
    const after = other.submitNow('hello');
    await stage.turns(20);
    for (const body of bodies) transferAway(body);
    transport.resume();
    for (const operation of lost) {
      await expect(operation.result()).rejects.toMatchObject(CHANGED);
      const name = `frame ${operation.frameId} of session ${session.sessionId}`;
      await expect(operation.result()).rejects.toThrow(name);
    }
    expect(text((await after.result()).body)).toBe('5');
    for (const operation of before) expect(text((await operation.result()).body)).toBe('1000000');
    expect(session.inFlightCount).toBe(0);
    // No operation counts as in flight on the connection either: the only place there is free.
    grantConnection(transport, 1);
    await once(client, 'flowUpdate');
    expect(text((await session.submitNow('more').result()).body)).toBe('4');
  });

  it.each([100, 3000, 16_384, 30_000, 60_000, 1_000_000])(
    'right after the call costs at most its own operation: %i bytes',
    async (bytes) => {
      const { session, other } = await measured();
      const body = new Uint8Array(bytes);
      const operation = session.submitNow(body);
      transferAway(body);
      expect(text((await (await other.submit('hello')).result()).body)).toBe('5');
      expect(await operation.result().then(({ body: answer }) => text(answer))).toBe(`${bytes}`);
    },
  );

  it('while it waits for its turn arrives as it was', async () => {
    const { server, client } = await stage.pair({ maxInFlightOperations: 1, grantedOperationCredit: 1 });
    let first: OperationContext | undefined;
    void server.serve({
      submit: (operation) => {
        if (first !== undefined) return `${operation.body.length}`;
        first = operation;
        return operation.finished;
      },
    });
    const session = await client.openSession({ maxInFlightOperations: 1, defaultDeadlineMs: 0 });
    await session.submit('first');
    const body = new Uint8Array(LARGE);
    const [second, third] = [session.submit(body), session.submit('third')];
    transferAway(body);
    await eventually(() => first !== undefined, 'the handler runs');
    await first?.complete();
    expect(text((await (await second).result()).body)).toBe(`${LARGE}`);
    expect(text((await (await third).result()).body)).toBe('5');
  });

  it('before the call is refused, not sent as an empty one', async () => {
    const { session } = await measured();
    const body = new Uint8Array(10);
    const words = new Uint16Array(body.buffer);
    const { buffer } = body;
    transferAway(body);
    expect(() => session.submitNow(body)).toThrow('transferred away');
    for (const gone of [body, words, buffer]) await expect(session.submit(gone)).rejects.toThrow('transferred away');
    expect(text((await (await session.submit(new Uint8Array(0))).result()).body)).toBe('0');
  });
});

describe('the body of a result that is transferred away', () => {
  /** A handler that fills the way to a client which does not read, then sends this. */
  async function failing(send: (operation: OperationContext, body: Uint8Array) => Promise<unknown>) {
    const { server, client } = await stage.pair({ ...LIMITS, maxOutboxBytes: 256 * 1024 * 1024 });
    const failures: HandlerFailure[] = [];
    server.on('handlerFailure', (failure) => failures.push(failure));
    const body = new Uint8Array(LARGE);
    let sent: Promise<unknown> | undefined;
    let fill: () => void = () => {};
    const filled = new Promise<void>((resolve) => {
      fill = resolve;
    });
    void server.serve({
      async submit(operation) {
        if (text(operation.body) === 'other') {
          await filled;
          return 'fine';
        }
        for (let count = 0; count < 40; count++) void operation.push(new Uint8Array(1_000_000));
        sent = send(operation, body);
        fill();
        await operation.finished;
        return undefined;
      },
    });
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    const operation = await session.submit('work');
    const other = await session.submit('other');
    stage.transportOf(client).pause();
    const outcome = operation.result();
    outcome.catch(() => {});
    await eventually(() => sent !== undefined, 'the result is on its way');
    await stage.turns(20);
    transferAway(body);
    stage.transportOf(client).resume();
    return { failures, outcome, other, sent: sent as Promise<unknown> };
  }

  it.each<[string, (operation: OperationContext, body: Uint8Array) => Promise<unknown>]>([
    ['push', (operation, body) => operation.push(body)],
    [
      'push, with the last answer behind it',
      (operation, body) => {
        const pushed = operation.push(body);
        void operation.complete('done').catch(() => {});
        return pushed;
      },
    ],
    ['complete', (operation, body) => operation.complete(body)],
    ['sendResult', (operation, body) => operation.session.sendResult(operation.frameId, {}, body)],
  ])('fails its frame, and nothing else: %s', async (_name, send) => {
    const { failures, outcome, other, sent } = await failing(send);
    await expect(sent).rejects.toMatchObject(CHANGED);
    await expect(outcome).rejects.toMatchObject({ message: expect.stringContaining('the handler failed') });
    expect(failures).toMatchObject([{ frameId: 1, error: CHANGED }]);
    expect(text((await other.result()).body)).toBe('fine');
  });

  it('fails its frame when the client had asked to wait', async () => {
    const { server, client } = await stage.pair(LIMITS);
    const failures: HandlerFailure[] = [];
    server.on('handlerFailure', (failure) => failures.push(failure));
    const body = new Uint8Array(LARGE);
    let pushed: Promise<void> | undefined;
    void server.serve({
      async submit(operation) {
        pushed = operation.push(body);
        await pushed;
        return 'rest';
      },
    });
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    await session.sendFlowUpdate({ updateReason: preview3.UpdateReason.Pause });
    const operation = await session.submit('work');
    const outcome = operation.result();
    outcome.catch(() => {});
    await eventually(() => pushed !== undefined, 'the handler runs');
    transferAway(body);
    await session.sendFlowUpdate({ updateReason: preview3.UpdateReason.Resume });
    await expect(outcome).rejects.toMatchObject({ message: expect.stringContaining('the handler failed') });
    expect(failures).toMatchObject([{ frameId: 1, error: CHANGED }]);
  });
});

describe('the body of any other message', () => {
  it('is a copy from the call on', async () => {
    const { server, client } = await stage.pair({ supportedCacheObjects: [preview3.CacheObjectKind.PromptSegment] });
    void server.serve({ submit: () => '' });
    const session = await client.openSession();
    const body = new Uint8Array(LARGE).fill(9);
    const put = session.putObject(OBJECT, body);
    transferAway(body);
    expect((await put).status).toBe(preview3.CacheAckStatus.Accepted);
  });
});

/** A connection within the process whose packets lie in memory that may be transferred, as in old versions of Node. */
class Unprotected extends MemoryListener {
  override async connect(): Promise<FramedTransport> {
    return unprotected(await super.connect());
  }

  override async accept(): Promise<FramedTransport> {
    return unprotected(await super.accept());
  }
}

function unprotected(transport: FramedTransport): FramedTransport {
  const start = transport.start.bind(transport);
  transport.start = (sink: PacketSink) =>
    start({
      packet: (packet: Packet) => sink.packet(packet.copy()),
      broken: (fault) => sink.broken(fault),
      drained: () => sink.drained(),
      closed: (error) => sink.closed(error),
    });
  return transport;
}

describe('a received body that is transferred away', () => {
  it('does not keep the server from answering, nor the client from reading on', async () => {
    const listener = new Unprotected();
    const server = NnrpServer.fromListener(listener, { drainTimeoutMs: 0 });
    const seen: unknown[] = [];
    void server.serve({
      async *submit(operation) {
        const { length } = operation.body;
        transferAway(operation.body);
        seen.push(operation.byteLength > length, operation.frameId, operation.traceId, operation.body.length);
        expect(() => operation.metadata).toThrow('the memory of the submit is gone');
        yield `${length}`;
        return 'done';
      },
    });
    const client = NnrpClient.fromTransport(await listener.connect());
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    for (let round = 0; round < 3; round++) {
      const answers: string[] = [];
      for await (const result of await session.submit('hello', { traceId: 0x1234_5678_9abc_def0n })) {
        answers.push(text(result.body));
        const { byteLength, frameId } = result;
        transferAway(result.body);
        expect([result.byteLength, result.frameId, result.traceId]).toEqual([
          byteLength,
          frameId,
          0x1234_5678_9abc_def0n,
        ]);
        expect(() => result.metadata).toThrow('the memory of the result is gone');
      }
      expect(answers).toEqual(['5', 'done']);
    }
    expect(seen.slice(0, 4)).toEqual([true, 1, 0x1234_5678_9abc_def0n, 0]);
    await client.close();
    await server.close();
  });

  it('cannot be, or is a copy, on a transport of this package', async () => {
    const { server, client } = await stage.pair(LIMITS);
    void server.serve({
      submit: ({ body }) => {
        try {
          structuredClone(body.buffer, { transfer: [body.buffer as ArrayBuffer] });
        } catch {
          // Node 22 and later refuse it, Node 20 copies.
        }
        return `${body.length}`;
      },
    });
    const session = await client.openSession({ maxInFlightOperations: 64, defaultDeadlineMs: 0 });
    const operations = [10, 20_000, 300].map((bytes) => session.submitNow(new Uint8Array(bytes)));
    for (const [index, bytes] of [10, 20_000, 300].entries())
      expect(text((await (operations[index] as (typeof operations)[0]).result()).body)).toBe(`${bytes}`);
  });

  it('before it is first looked at is empty', () => {
    const bytes = new Uint8Array(40 + preview3.RESULT_PUSH_BYTES + 5);
    const packet = {
      bytes,
      isDetached: true,
      view: new DataView(bytes.buffer),
      metadataStart: 40,
    } as unknown as Packet;
    expect(new NnrpResult(Object.assign(packet, { body: new Uint8Array(0) }), 1, false, false).body.length).toBe(0);
  });
});

describe('cached objects', () => {
  it('stay with the cache when the application transfers what it was given', async () => {
    const { session, clientSession } = await stage.session({
      supportedCacheObjects: [preview3.CacheObjectKind.PromptSegment],
    });
    await clientSession.putObject(OBJECT, 'hello');
    const object = session.cacheObject(IDENTITY) as Uint8Array;
    try {
      structuredClone(object.buffer, { transfer: [object.buffer as ArrayBuffer] });
    } catch {
      // Node 22 and later refuse it, Node 20 copies.
    }
    expect(text(session.cacheObject(IDENTITY) as Uint8Array)).toBe('hello');
  });
});
