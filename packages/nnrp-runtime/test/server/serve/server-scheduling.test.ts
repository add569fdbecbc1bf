import { UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { HandlerStuck } from '../../../src/server/contract/server-events.js';
import type { ServeOptions } from '../../../src/server/serve/serve-options.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { SessionPriorityClass, UpdateReason } = preview3;
const { Background, Interactive } = SessionPriorityClass;
const MANY = { maxInFlightOperations: 0 };

const stage = new Stage();
afterEach(() => stage.clear());

interface Begun {
  readonly server: NnrpServer;
  /** Operations whose handler has begun, in order; each runs until it is answered. */
  readonly begun: OperationContext[];
  readonly texts: () => string[];
}

async function served(options: ServeOptions): Promise<Begun> {
  const server = await stage.serve({ maxInFlightOperations: 0 });
  const begun: OperationContext[] = [];
  const submit = (operation: OperationContext) => {
    begun.push(operation);
    return operation.finished;
  };
  void server.serve({ submit }, options);
  return { server, begun, texts: () => begun.map(({ body }) => new TextDecoder().decode(body)) };
}

/** Answers each as soon as it has begun, until so many have. */
async function answerAll(begun: readonly OperationContext[], count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    await eventually(() => begun.length > at, `operation ${at} has begun`);
    await begun[at]?.complete('x');
  }
}

function running(server: NnrpServer): number | undefined {
  return server.stats().runningOperations?.value;
}

describe('places for handlers', () => {
  it('go round over connections, then over the sessions of each, then to the oldest', async () => {
    const { server, begun, texts } = await served({ maxConcurrentOperations: 1 });
    const greedy = await SessionPeer.open(stage, server, MANY);
    const second = await SessionPeer.openOn(greedy.raw, MANY);
    const modest = await SessionPeer.open(stage, server, MANY);
    greedy.submit(1, 'first');
    await eventually(() => begun.length === 1, 'the only place is taken');
    for (const [frameId, text] of ['a1', 'a2', 'a3'].entries()) greedy.submit(frameId + 2, text);
    second.submit(1, 'b1');
    expect(await greedy.answers()).toEqual([]);
    modest.submit(1, 'm1');
    modest.submit(2, 'm2');
    expect(await modest.answers()).toEqual([]);
    await answerAll(begun, 7);
    expect(texts()).toEqual(['first', 'm1', 'a1', 'm2', 'b1', 'a2', 'a3']);
  });

  it('are dealt to priority classes by weight: a wish for interactive leaves nobody without', async () => {
    const scheduling = { interactiveWeight: 3, balancedWeight: 2, backgroundWeight: 1 };
    const { server, begun, texts } = await served({ maxConcurrentOperations: 1, scheduling });
    const urgent = await SessionPeer.open(stage, server, { ...MANY, priorityClass: Interactive });
    const patient = await SessionPeer.open(stage, server, { ...MANY, priorityClass: Background });
    urgent.submit(1, 'first');
    await eventually(() => begun.length === 1, 'the only place is taken');
    for (let frameId = 2; frameId <= 13; frameId++) urgent.submit(frameId, 'i');
    for (let frameId = 1; frameId <= 4; frameId++) patient.submit(frameId, 'b');
    expect([await urgent.answers(), await patient.answers()]).toEqual([[], []]);
    await answerAll(begun, 9);
    expect(texts().slice(1, 9).sort()).toEqual(['b', 'b', 'i', 'i', 'i', 'i', 'i', 'i']);
  });

  it('are never all of one connection: whoever comes has one at once', async () => {
    const { server, begun } = await served({ maxConcurrentOperations: 8 });
    const greedy = await SessionPeer.open(stage, server, MANY);
    for (let frameId = 1; frameId <= 50; frameId++) greedy.submit(frameId, 'g');
    await eventually(() => begun.length === 6, 'three quarters are taken');
    const modest = await SessionPeer.open(stage, server, MANY);
    modest.submit(1, 'm');
    await eventually(() => begun.length === 7, 'the newcomer has one');
    expect(server.stats()).toMatchObject({
      runningOperations: { value: 7, bound: 8 },
      connectionRunningOperations: { value: 6, bound: 6 },
      queuedOperations: { value: 44 },
    });
    expect(server.stats().connectionRunningOperations?.hits).toBeGreaterThan(0);
  });

  it('are waited for within a bound of the connection, and others have their own', async () => {
    const { server, begun } = await served({ maxConcurrentOperations: 1, maxQueuedOperations: 8 });
    const greedy = await SessionPeer.open(stage, server, MANY);
    for (let frameId = 1; frameId <= 6; frameId++) greedy.submit(frameId, 'g');
    expect(await greedy.answers()).toEqual(['flow session congestion hard', 'error frame 6 server_busy', 'drop 6']);
    expect(server.stats().connectionQueuedOperations).toMatchObject({ value: 4, bound: 4, hits: 1 });
    const modest = await SessionPeer.open(stage, server, MANY);
    modest.submit(1, 'm');
    expect(await modest.answers()).toEqual([]);
    await begun[0]?.complete('x');
    await eventually(() => begun.length === 2, 'the next one runs');
    await begun[1]?.complete('next');
    expect(await modest.next()).toBe('result 1 next');
  });

  it('are for no more bytes of one connection than it may have there, and one always is', async () => {
    const scheduling = { maxRunningBytesPerConnection: 100_000 };
    const { server, begun } = await served({ maxConcurrentOperations: 64, scheduling });
    const greedy = await SessionPeer.open(stage, server, MANY);
    const large = 'g'.repeat(60_000);
    for (let frameId = 1; frameId <= 4; frameId++) greedy.submit(frameId, large);
    greedy.submit(5, 'small');
    await eventually(() => begun.length === 2, 'two have more than it may');
    const modest = await SessionPeer.open(stage, server, MANY);
    modest.submit(1, large.repeat(2));
    await eventually(() => begun.length === 3, 'others have their own');
    expect(await greedy.answers()).toEqual([]);
    const { connectionRunningBytes, runningBytes, queuedOperations } = server.stats();
    expect(connectionRunningBytes).toMatchObject({ bound: 100_000 });
    expect(connectionRunningBytes?.value).toBeGreaterThan(120_000);
    expect(connectionRunningBytes?.hits).toBeGreaterThan(0);
    expect(runningBytes?.value).toBeGreaterThan(240_000);
    expect(queuedOperations?.value).toBe(3);
    await begun[0]?.complete('x');
    await eventually(() => begun.length === 4, 'the next one runs');
    for (const operation of begun.slice(1)) await operation.complete('x');
    await eventually(() => begun.length === 6, 'all have run');
    for (const operation of begun.slice(4)) await operation.complete('x');
    await eventually(() => running(server) === 0, 'all places are free');
    expect(server.stats().runningBytes?.value).toBe(0);
    expect(server.stats().connectionRunningBytes?.value).toBe(0);
  });

  it('count what json() has made of a body for as long as its handler runs', async () => {
    const { server, begun } = await served({ maxConcurrentOperations: 64 });
    const peer = await SessionPeer.open(stage, server, MANY);
    peer.submit(1, `[${'{},'.repeat(5000)}0]`);
    await eventually(() => begun.length === 1, 'its handler runs');
    const before = server.stats().runningBytes?.value ?? 0;
    expect(begun[0]?.json()).toHaveLength(5001);
    expect(server.stats().runningBytes?.value).toBe(before + 5001 * 64);
    await begun[0]?.complete('x');
    await eventually(() => running(server) === 0, 'its place is free');
    expect(server.stats().runningBytes?.value).toBe(0);
  });

  it.each<[what: string, read: (operation: OperationContext) => unknown]>([
    ['twice', (operation) => [operation.json(), operation.json()]],
    ['through a proxy', (operation) => new Proxy(operation, {}).json()],
    ['through an object that inherits from it', (operation) => Object.create(operation).json()],
  ])('count what json() makes at most once, and no longer than its handler runs: read %s', async (_what, read) => {
    const { server, begun } = await served({ maxConcurrentOperations: 64 });
    const peer = await SessionPeer.open(stage, server, MANY);
    peer.submit(1, `[${'{},'.repeat(5000)}0]`);
    await eventually(() => begun.length === 1, 'its handler runs');
    const before = server.stats().runningBytes?.value ?? 0;
    const [operation] = begun as [OperationContext];
    read(operation);
    expect(server.stats().runningBytes?.value).toBe(before + 5001 * 64);
    await operation.complete('x');
    await eventually(() => running(server) === 0, 'its place is free');
    expect(server.stats().runningBytes?.value).toBe(0);
  });

  it('count nothing that json() makes of one that was frozen, which is never seen to give its place back', async () => {
    const server = await stage.serve();
    const failed = vi.fn();
    server.on('internalError', failed);
    const kept: OperationContext[] = [];
    const submit = (operation: OperationContext) => {
      operation.text();
      kept.push(Object.freeze(operation));
    };
    void server.serve({ submit });
    const peer = await SessionPeer.open(stage, server, MANY);
    peer.submit(1, `[${'{},'.repeat(5000)}0]`);
    await eventually(() => failed.mock.calls.length > 0, 'it has ended its connection');
    expect(kept[0]?.json()).toHaveLength(5001);
    expect(server.stats().runningBytes?.value).toBe(0);
  });

  it('are for no more bytes than the server holds there; who has least of them is still served', async () => {
    const scheduling = { maxRunningBytes: 100_000 };
    const { server, begun } = await served({ maxConcurrentOperations: 64, scheduling });
    const greedy = await SessionPeer.open(stage, server, MANY);
    const large = 'g'.repeat(60_000);
    for (let frameId = 1; frameId <= 3; frameId++) greedy.submit(frameId, large);
    expect(await greedy.answers()).toEqual(['error frame 3 server_busy', 'drop 3']);
    expect(server.stats().runningBytes).toMatchObject({ bound: 100_000, hits: 1 });
    const modest = await SessionPeer.open(stage, server, MANY);
    modest.submit(1, 'm');
    await eventually(() => begun.length === 3, 'the newcomer has a place');
    await begun[0]?.complete('x');
    expect(await greedy.next()).toBe('result 1 x');
    greedy.submit(4, 'again');
    await eventually(() => begun.length === 4, 'there is room again');
  });

  it('are for a part of very many only, unless the application says otherwise', async () => {
    const { server } = await served({ maxConcurrentOperations: 100_000 });
    expect(server.stats().connectionRunningOperations).toMatchObject({ bound: 16_384 });
    const { server: other } = await served({
      maxConcurrentOperations: 100_000,
      scheduling: { maxRunningPerConnection: 90_000 },
    });
    expect(other.stats().connectionRunningOperations).toMatchObject({ bound: 90_000 });
  });

  it('are all free again when connections end with what waits, runs and is suspended', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const submit = async function* (operation: OperationContext) {
      yield 'a';
      await operation.finished;
    };
    void server.serve({ submit }, { maxConcurrentOperations: 4 });
    for (let round = 0; round < 3; round++) {
      const peer = await SessionPeer.open(stage, server, MANY);
      const other = await SessionPeer.open(stage, server, MANY);
      peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause });
      for (let frameId = 1; frameId <= 40; frameId++) peer.submit(frameId);
      for (let frameId = 1; frameId <= 40; frameId++) other.submit(frameId);
      await eventually(() => (server.stats().suspendedOperations?.value ?? 0) > 4, 'handlers wait for their client');
      peer.cancel(1);
      peer.cancel(40);
      peer.flow({ creditEpoch: 2, updateReason: UpdateReason.Resume });
      await eventually(() => running(server) !== 0, 'some run again');
      peer.raw.destroy();
      other.raw.destroy();
      const counted = ['runningOperations', 'queuedOperations', 'suspendedOperations'] as const;
      await eventually(() => counted.every((name) => server.stats()[name]?.value === 0), 'nothing is counted');
    }
  });
});

describe('a handler that waits for its client', () => {
  async function streaming(options: ServeOptions) {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    let working = 0;
    let most = 0;
    let begun = 0;
    const submit = async (operation: OperationContext) => {
      begun++;
      await operation.push('a');
      working++;
      most = Math.max(most, working);
      await stage.turns(3);
      working--;
      return 'z';
    };
    void server.serve({ submit }, options);
    return { server, begun: () => begun, most: () => most };
  }

  it('has a place again before it goes on, so never more work than may', async () => {
    const { server, begun, most } = await streaming({ maxConcurrentOperations: 4 });
    const peer = await SessionPeer.open(stage, server, MANY);
    peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause });
    for (let frameId = 1; frameId <= 40; frameId++) peer.submit(frameId);
    await eventually(() => begun() >= 16, 'places are lent');
    expect(await peer.answers()).toEqual([]);
    expect(begun()).toBeLessThanOrEqual(16 + 4);
    expect(server.stats().connectionSuspendedOperations).toMatchObject({ bound: 16 });
    expect(server.stats().connectionSuspendedOperations?.hits).toBeGreaterThan(0);
    expect(running(server)).toBe(0);
    const other = await SessionPeer.open(stage, server, MANY);
    other.submit(1);
    expect(await other.take(2)).toEqual(['partial 1 a', 'result 1 z']);
    peer.flow({ creditEpoch: 2, updateReason: UpdateReason.Resume });
    expect((await peer.take(80)).filter((said) => said.startsWith('result'))).toHaveLength(40);
    expect(most()).toBeLessThanOrEqual(4);
    await eventually(() => running(server) === 0, 'all places are free');
    expect(server.stats().suspendedOperations?.value).toBe(0);
  });

  it('lends its place when there is no room, too: who does not read keeps nobody out', async () => {
    const server = await stage.serve({ highWaterBytes: 16 * 1024, maxInFlightOperations: 0, stallTimeoutMs: 0 });
    const body = new Uint8Array(64 * 1024);
    const submit = async (operation: OperationContext) => {
      if (operation.body.length > 0) return 'quick';
      while (!operation.isOver) await operation.push(body);
      return '';
    };
    void server.serve({ submit }, { maxConcurrentOperations: 2 });
    const silent = await SessionPeer.open(stage, server, MANY);
    silent.raw.socket.pause();
    for (let frameId = 1; frameId <= 8; frameId++) silent.submit(frameId, '');
    await eventually(() => (server.stats().suspendedOperations?.value ?? 0) >= 2, 'they wait for room');
    await eventually(() => running(server) === 0, 'no place is taken');
    const other = await SessionPeer.open(stage, server, MANY);
    other.submit(1, 'x');
    expect(await other.next()).toBe('result 1 quick');
  });

  it('that is cancelled while it waits for a place goes on at once, without one', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const ends: string[] = [];
    const submit = async (operation: OperationContext) => {
      if (operation.frameId > 1) return operation.finished;
      await operation.push('a');
      ends.push(operation.isOver ? 'over' : 'goes on');
      return operation.finished;
    };
    void server.serve({ submit }, { maxConcurrentOperations: 1 });
    const peer = await SessionPeer.open(stage, server, MANY);
    peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause });
    peer.submit(1);
    peer.submit(2);
    await eventually(() => running(server) === 1 && server.stats().suspendedOperations?.value === 1, 'one waits');
    peer.flow({ creditEpoch: 2, updateReason: UpdateReason.Resume });
    expect(await peer.answers()).toEqual(['partial 1 a']);
    expect(ends).toEqual([]);
    peer.cancel(1);
    await eventually(() => ends.length === 1, 'it goes on');
    expect(ends).toEqual(['over']);
    peer.cancel(2);
    await eventually(() => running(server) === 0, 'the place is free');
    expect(server.stats().suspendedOperations?.value).toBe(0);
  });
});

describe('a handler that runs on after its operation', () => {
  async function ignoring(releaseStuckPlaces: boolean) {
    const server = await stage.serve();
    const ends: (() => void)[] = [];
    const submit = () => new Promise<void>((resolve) => ends.push(resolve));
    const scheduling = { stuckHandlerMs: 20, releaseStuckPlaces };
    void server.serve({ submit }, { maxConcurrentOperations: 1, scheduling });
    const stuck: HandlerStuck[] = [];
    server.on('handlerStuck', (event) => stuck.push(event));
    const peer = await SessionPeer.open(stage, server);
    peer.submit(1);
    await eventually(() => ends.length === 1, 'it runs');
    peer.cancel(1);
    expect(await peer.next()).toBe('drop 1');
    await eventually(() => stuck.length === 1, 'it is reported');
    expect(stuck[0]).toMatchObject({ sessionId: peer.sessionId, frameId: 1 });
    expect(stuck[0]?.forMs).toBeGreaterThanOrEqual(20);
    expect([server.stuckHandlers, server.stats().stuckHandlers?.value]).toEqual([1, 1]);
    return { server, ends, peer };
  }

  it('is reported and counted for as long as it does, and keeps its place', async () => {
    const { server, ends, peer } = await ignoring(false);
    peer.submit(2);
    expect(await peer.answers()).toEqual([]);
    expect([ends.length, running(server)]).toEqual([1, 1]);
    ends[0]?.();
    await eventually(() => ends.length === 2, 'the next one has the place');
    expect(server.stuckHandlers).toBe(0);
  });

  it('gives its place up by option, and takes none when it ends', async () => {
    const { server, ends, peer } = await ignoring(true);
    peer.submit(2);
    await eventually(() => ends.length === 2, 'the next one has the place');
    ends[0]?.();
    await eventually(() => server.stuckHandlers === 0, 'it has ended');
    expect([running(server), server.stats().suspendedOperations?.value]).toEqual([1, 0]);
    ends[1]?.();
    await eventually(() => running(server) === 0, 'all places are free');
  });
});

describe('scheduling options', () => {
  it.each<[string, unknown]>([
    ['maxRunningPerConnection', 0],
    ['maxQueuedPerConnection', 1.5],
    ['maxSuspendedPerConnection', -1],
    ['interactiveWeight', 0],
    ['backgroundWeight', 1001],
    ['stuckHandlerMs', -1],
    ['maxRunningBytes', 0],
    ['maxRunningBytesPerConnection', 0.5],
    ['releaseStuckPlaces', 1],
    ['priorities', {}],
  ])('that cannot work are refused: %s', async (name, value) => {
    const server = await stage.serve();
    const scheduling = { [name]: value } as never;
    const refused = await server.serve({ submit: () => {} }, { scheduling }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UsageError);
    expect((refused as Error).message).toContain(name);
  });
});
