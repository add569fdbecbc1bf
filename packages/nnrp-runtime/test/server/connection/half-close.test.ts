import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession, OperationContext } from '../../../src/server/contract/contract.js';
import { within } from '../../../src/testing/within.js';
import { carrier } from '../../support/carrier.js';
import { described } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import { PATIENCE_MS, type RawPeer } from '../../support/raw-peer.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openBytes, submitBytes } from '../../support/wire-packets.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** A handler that answers when it is told to. */
function worker() {
  const running: OperationContext[] = [];
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const submit = async (operation: OperationContext) => {
    running.push(operation);
    await released;
    return `answer ${operation.frameId}`;
  };
  return { submit, running, release };
}

/** What comes until the server ends its side, without the signs of life that an announced client is asked for. */
async function everything(peer: RawPeer): Promise<string[]> {
  await peer.closed();
  return peer.received.map(described).filter((said) => said !== 'ping');
}

describe('a client that has ended its direction', () => {
  it.runIf(carrier.hasHalves).each([true, false])(
    'gets the answers to what it has sent, however long they take; announced: %s',
    async (announced) => {
      const { submit, running, release } = worker();
      const server = await stage.serve();
      void server.serve({ submit });
      const peer = await SessionPeer.open(stage, server, { announced });
      peer.submit(1);
      peer.submit(2);
      peer.raw.socket.end();
      await eventually(() => running.length === 2, 'both handlers run');
      // Long enough for a server that takes the end for a good-bye, and for one that asks whether its peer is there.
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(running.map(({ signal }) => signal.aborted)).toEqual([false, false]);
      release();
      expect((await everything(peer.raw)).slice(1)).toEqual(['result 1 answer 1', 'result 2 answer 2']);
      await eventually(() => server.connectionCount === 0, 'the connection is gone');
    },
  );

  it.runIf(carrier.hasHalves)(
    'gets no other bytes than it would get otherwise, when it has not said that it knows more',
    async () => {
      const { submit, running, release } = worker();
      const server = await stage.serve();
      void server.serve({ submit });
      const peer = await stage.openPeer(server, 7);
      const chunks: Buffer[] = [];
      peer.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      peer.send(submitBytes(7, 1, 'x'));
      peer.socket.end();
      await eventually(() => running.length === 1, 'the handler runs');
      await new Promise((resolve) => setTimeout(resolve, 100));
      release();
      await peer.closed();
      const bytes = Buffer.concat(chunks);
      expect(bytes.subarray(0, 4).toString()).toBe('NNRP');
      expect(bytes.length).toBe(40 + preview3.RESULT_PUSH_BYTES + 'answer 1'.length);
    },
  );

  it.runIf(carrier.hasHalves)(
    'gets them also when it has sent everything at once and a policy has to decide first',
    async () => {
      let decide: () => void = () => {};
      const decided = new Promise<undefined>((resolve) => {
        decide = () => resolve(undefined);
      });
      const server = await stage.serve({ applicationPolicy: { validateSessionOpen: () => decided } });
      void server.serve({ submit: ({ body }) => body });
      const peer = await stage.peer(server);
      peer.socket.end(Buffer.concat([openBytes({ requestedSessionId: 9 }), submitBytes(9, 1, 'work')]));
      await stage.turns(50);
      expect(server.connectionCount).toBe(1);
      decide();
      expect((await everything(peer)).at(-1)).toBe('result 1 work');
    },
  );

  it.runIf(carrier.hasHalves)(
    'gets results that it had asked to wait: it cannot say any more that they may flow',
    async () => {
      const server = await stage.serve();
      void server.serve({
        async *submit() {
          yield 'some';
          return 'rest';
        },
      });
      const peer = await SessionPeer.open(stage, server);
      peer.flow({ creditEpoch: 1, updateReason: preview3.UpdateReason.Pause });
      peer.submit(1);
      expect(await peer.answers()).toEqual([]);
      peer.raw.socket.end();
      expect((await everything(peer.raw)).slice(-2)).toEqual(['partial 1 some', 'result 1 rest']);
    },
  );

  it.runIf(carrier.hasHalves)('is not asked for a PONG that it cannot send any more', async () => {
    const { submit, running, release } = worker();
    const server = await stage.serve({ keepAliveMs: 20, pingTimeoutMs: 60 });
    const sessions: NnrpServerSession[] = [];
    void server.serve({ session: (session) => void sessions.push(session), submit });
    const peer = await SessionPeer.open(stage, server);
    expect(await peer.next()).toBe('ping');
    peer.submit(1);
    peer.raw.socket.end();
    await eventually(() => running.length === 1, 'the handler runs');
    // Longer than the PING is waited for that was on its way.
    await new Promise((resolve) => setTimeout(resolve, 250));
    await expect(sessions[0]?.ping()).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    release();
    expect((await everything(peer.raw)).at(-1)).toBe('result 1 answer 1');
  });

  it.runIf(carrier.hasHalves)('gets all answers when it was not read for long', async () => {
    const server = await stage.serve({
      keepAliveMs: 20,
      pingTimeoutMs: 60,
      maxInFlightOperations: 16,
      maxQueuedBytesPerConnection: 64 << 10,
    });
    const submit = async ({ frameId }: OperationContext) => {
      // The last ones run when the end has been read, for longer than a PONG is waited for.
      await new Promise((resolve) => setTimeout(resolve, 40));
      return `answer ${frameId}`;
    };
    void server.serve({ submit }, { maxConcurrentOperations: 1 });
    const peer = await SessionPeer.open(stage, server);
    // More than the server queues, so that it stops reading before the end.
    for (let frame = 1; frame <= 16; frame++) peer.submit(frame, new Uint8Array(16 << 10));
    peer.raw.socket.end();
    const answers = (await everything(peer.raw)).filter((said) => said.startsWith('result'));
    expect(answers).toEqual(Array.from({ length: 16 }, (_, frame) => `result ${frame + 1} answer ${frame + 1}`));
  });

  it('is left at once when nothing is in flight', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    peer.raw.socket.end();
    expect((await everything(peer.raw)).length).toBe(1);
    await eventually(() => server.connectionCount === 0 && server.sessionCount === 0, 'everything is gone');
  });

  it.each([true, false])('is found out soon when it is gone altogether; announced: %s', async (announced) => {
    const { submit, running } = worker();
    const server = await stage.serve();
    void server.serve({ submit });
    const peer = await SessionPeer.open(stage, server, { announced });
    peer.submit(1);
    await eventually(() => running.length === 1, 'the handler runs');
    const aborted = new Promise<unknown>((resolve) => {
      const { signal } = running[0] as OperationContext;
      signal.addEventListener('abort', () => resolve(signal.reason));
    });
    peer.raw.destroy();
    expect(await within(aborted, PATIENCE_MS, 'the signal')).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it.runIf(carrier.hasHalves)('does not keep a server from closing', async () => {
    const { submit, running } = worker();
    const server = await stage.serve({ drainTimeoutMs: 20 });
    void server.serve({ submit });
    const peer = await SessionPeer.open(stage, server);
    peer.submit(1);
    peer.raw.socket.end();
    await eventually(() => running.length === 1, 'the handler runs');
    await within(server.close(), PATIENCE_MS, 'close()');
    expect(await everything(peer.raw)).toContain('drop 1');
  });
});
