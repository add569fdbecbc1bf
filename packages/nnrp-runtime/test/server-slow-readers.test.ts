import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession, OperationContext } from '../src/server/contract.js';
import type { NnrpServer } from '../src/server/server.js';
import type { NnrpServerOptions } from '../src/server/server-config.js';
import type { ConnectionLost } from '../src/server/server-events.js';
import { within } from '../src/testing/within.js';
import { eventually } from './eventually.js';
import { PATIENCE_MS } from './raw-peer.js';
import { SessionPeer } from './session-peer.js';
import { Stage } from './stage.js';

const BODY = new Uint8Array(64 * 1024);
const LIMITS = { highWaterBytes: 64 * 1024, maxOutboxBytes: 8 * BODY.length };

const stage = new Stage();
afterEach(() => stage.clear());

interface Stuck {
  readonly server: NnrpServer;
  readonly peer: SessionPeer;
  readonly session: NnrpServerSession;
  readonly first: OperationContext;
  readonly second: OperationContext;
}

/** Two frames of a client that does not read, and a network that is full. */
async function stuck(config: NnrpServerOptions): Promise<Stuck> {
  const server = await stage.serve({ ...LIMITS, ...config });
  const peer = await SessionPeer.open(stage, server);
  const session = await server.accept();
  peer.submit(1);
  peer.submit(2);
  const [first, second] = [await session.receiveSubmit(), await session.receiveSubmit()];
  peer.raw.socket.pause();
  for (let full = false; !full; ) {
    const sent = first.push(BODY);
    full = await Promise.race([sent.then(() => false), stage.turns(300).then(() => true)]);
  }
  return { server, peer, session, first, second };
}

async function lost(server: NnrpServer): Promise<ConnectionLost> {
  const [loss] = await within(once(server, 'connectionLost'), PATIENCE_MS, 'a lost connection');
  return loss as ConnectionLost;
}

/** What the peer gets until frame 1 has its last answer, flow updates aside. */
async function readAll(peer: SessionPeer): Promise<string[]> {
  peer.raw.socket.resume();
  const said: string[] = [];
  while (!said.includes('result 1 end')) said.push((await peer.next()).replaceAll('\0', ''));
  return said;
}

describe('a client that reads too slowly', () => {
  it('loses its connection when more waits than may, and the server says why', async () => {
    const { server, session, first } = await stuck({ slowReader: 'disconnect' });
    const loss = lost(server);
    const pushes: Promise<void>[] = [];
    for (let count = 0; count < 20; count++) pushes.push(first.push(BODY));
    const outcomes = await Promise.allSettled(pushes);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    const { error, sessionIds } = await loss;
    expect([error.code, sessionIds]).toEqual(['NNRP_ERR_TRANSPORT', [session.sessionId]]);
    expect(error.message).toMatch(/too slowly/);
    expect(first.signal.reason).toMatchObject({ code: error.code, message: error.message });
    await eventually(() => server.connectionCount === 0, 'its socket is gone');
  });

  it('loses the oldest partial results instead, where the server says so, and no last answer', async () => {
    const { peer, first, second } = await stuck({ slowReader: 'drop_oldest_partial' });
    const waiting: Promise<void>[] = [];
    const late = new Uint8Array(BODY.length);
    late.set(new TextEncoder().encode('late'));
    for (let count = 0; count < 40; count++) waiting.push(first.push(late));
    waiting.push(second.complete('two'), first.complete('end'));
    const said = await readAll(peer);
    expect(said).toContain('result 2 two');
    expect(said).toContain('result 1 end');
    // Of the forty, as many are left as may wait.
    const kept = said.filter((line) => line === 'partial 1 late').length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThanOrEqual(LIMITS.maxOutboxBytes / BODY.length + 1);
    await Promise.all(waiting);
  });

  it('keeps it when many operations that wait for room end together, and gets all of their results', async () => {
    const server = await stage.serve({ ...LIMITS, maxInFlightOperations: 0, deadlines: true });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const count = 24;
    for (let frameId = 1; frameId <= count; frameId++) {
      peer.submit(frameId, 'work', { latencyBudgetMs: frameId === count ? 1000 : 0 });
    }
    const operations: OperationContext[] = [];
    while (operations.length < count) operations.push(await session.receiveSubmit());
    peer.raw.socket.pause();
    const [first, ...others] = operations;
    for (let full = false; !full; ) {
      const sent = first?.push(BODY);
      full = await Promise.race([sent?.then(() => false), stage.turns(300).then(() => true)]).then(
        (now) => now === true,
      );
    }
    const late = others.pop();
    const dropped = others.at(-1);
    const outcomes = Promise.allSettled(
      others.map(async (operation) => {
        await operation.push(BODY);
        await operation.complete(BODY);
      }),
    );
    dropped?.drop().catch(() => {});
    await eventually(() => late?.signal.aborted === true, 'what is late is dropped');
    expect(server.stats().outboxBytes?.value).toBeLessThan(LIMITS.maxOutboxBytes);
    peer.raw.socket.resume();
    expect((await outcomes).filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(session.inFlightCount).toBe(1);
    await first?.complete('end');
    const said = (await readAll(peer)).filter((line) => !line.startsWith('partial 1 '));
    const answers = (kind: string) => said.filter((line) => line.startsWith(kind)).length;
    expect([answers('partial'), answers('drop'), answers('result')]).toEqual([count - 3, 2, count - 2]);
  });

  it('loses it when what waits for its turn is more than it can ever want', async () => {
    const server = await stage.serve({ ...LIMITS, maxInFlightOperations: 0 });
    const loss = lost(server);
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const count = 300;
    for (let frameId = 1; frameId <= count; frameId++) peer.submit(frameId);
    const operations: OperationContext[] = [];
    while (operations.length < count) operations.push(await session.receiveSubmit());
    peer.raw.socket.pause();
    const outcomes = await Promise.allSettled(operations.map((operation) => operation.complete(BODY)));
    expect((await loss).error.message).toMatch(/too slowly/);
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
  });

  it('keeps it when one result is longer than all that may wait, and something else is said meanwhile', async () => {
    const server = await stage.serve({ ...LIMITS, maxInFlightOperations: 0 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    for (let frameId = 1; frameId <= 4; frameId++) peer.submit(frameId);
    const operations: OperationContext[] = [];
    while (operations.length < 4) operations.push(await session.receiveSubmit());
    peer.raw.socket.pause();
    const long = new Uint8Array(100 * BODY.length);
    const completed = operations.slice(0, 3).map((operation) => operation.complete(long));
    operations[3]?.drop().catch(() => {});
    session.sendFlowUpdate({ credit: 5 });
    peer.raw.socket.resume();
    await Promise.all(completed);
    expect(session.state).toBe('open');
  });

  it('is asked to pause when half of what may wait does, and to go on when it reads', async () => {
    const { peer, first } = await stuck({ slowReader: 'disconnect' });
    const waiting = [1, 2, 3, 4, 5].map(() => first.push(BODY));
    waiting.push(first.complete('end'));
    const said = await readAll(peer);
    await Promise.all(waiting);
    said.push(...(await peer.answers()));
    expect(said.filter((line) => line.startsWith('flow'))).toEqual([
      'flow connection congestion hard',
      'flow connection resume none',
    ]);
  });

  it('is not read from either: its requests wait with it', async () => {
    const { peer, session, first } = await stuck({ slowReader: 'disconnect' });
    peer.submit(3);
    await stage.turns(300);
    expect(session.isInFlight(3)).toBe(false);
    void first.complete('end');
    await readAll(peer);
    expect((await session.receiveSubmit()).frameId).toBe(3);
  });

  it('does not hold up others', async () => {
    const { server } = await stuck({ slowReader: 'disconnect' });
    expect(server.stats().slowConnections).toMatchObject({ scope: 'server', value: 1, hits: 0 });
    const other = await SessionPeer.open(stage, server);
    const session = await server.accept();
    other.submit(1);
    await (await session.receiveSubmit()).complete('quick');
    expect(await other.next()).toBe('result 1 quick');
  });

  it('and takes nothing at all is cut after stallTimeoutMs', async () => {
    const { server, first } = await stuck({ slowReader: 'disconnect', stallTimeoutMs: 50 });
    const loss = await lost(server);
    expect(server.stats().slowConnections).toMatchObject({ value: 0, hits: 1 });
    expect(loss.error.code).toMatch(/NNRP_ERR_(TIMEOUT|TRANSPORT)/);
    expect(first.signal.reason).toMatchObject({ code: loss.error.code, message: loss.error.message });
  });
});
