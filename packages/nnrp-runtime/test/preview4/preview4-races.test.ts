import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { NnrpServer } from '../../src/server/server.js';
import { eventually } from '../support/eventually.js';
import {
  bytes,
  hello,
  open,
  type Peer,
  packet,
  request,
  scheduling,
  sessionClose,
  submit,
  T,
  u8,
  u16,
  u32,
  u64,
} from './peer.js';
import { cleaning, opened, peerOf, serving } from './stage.js';

cleaning();

const FAR = 4_000_000_000_000;
const PAUSED = 3;
const OF_CONNECTION = 1;
const OF_OPERATION = 2;
const HARD = 2;
/** update_reason of FLOW_UPDATE. */
const [PAUSE, RESUME] = [2, 3];
/** Whose results are meant, by the flags of BACKPRESSURE and by the scope_kind of FLOW_UPDATE. */
const SCOPES = [
  { name: 'the session', flags: 0, scopeKind: 1 },
  { name: 'the operation', flags: OF_OPERATION, scopeKind: 2 },
  { name: 'the connection', flags: OF_CONNECTION, scopeKind: 0 },
];

/** Numbers that look drawn and are the same in each run. */
function drawing(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state % below;
  };
}

const supersede = (old: number | bigint, next: number | bigint, flags = 1) =>
  bytes(u64(old), u64(next), u64(1), u16(2), u16(flags), u32(0));
const budget = (operation: number | bigint, tokens: number, flags = 0) =>
  bytes(u64(operation), u64(1), u64(2), u64(3), u32(tokens), u32(flags));
const pressure = (scope: number | bigint, window: number | bigint, level = 0, flags = 0, retryMs = 0) =>
  bytes(u64(scope), u64(window), u16(level), u16(0), u32(retryMs), u32(flags), u32(0));
const flow = (scopeKind: number, reason: number, epoch: number, operation: number | bigint = 0) =>
  bytes(u8(scopeKind), u8(reason), u8(0), u8(0), u64(0), u64(operation), u32(0), u32(epoch), u32(0));
const declare = (session: number, object: number | bigint) =>
  bytes(u64(object), u16(7), u16(0x0201), u32(session), u64(10), u32(0), u16(0), u16(0), u32(0), u32(0), u64(0));
const release = (object: number | bigint, operation: number | bigint = 0) =>
  bytes(u64(object), u64(operation), u16(0), u8(1), u8(1), u32(0), u64(0));

/** Sends work, and expects its answer, in a session that nobody may have harmed. */
async function isServed(peer: Peer, session: number, frame: number): Promise<void> {
  peer.send(packet(T.submit, { session, frame }, submit({ operation: 500_000 + frame }), 'echo'));
  for (;;) {
    const result = await peer.next(T.result);
    if (result?.session !== session || result.frame !== frame) continue;
    expect(result.text).toBe('echo');
    return;
  }
}

/** Does what the text says. */
async function* work(operation: OperationContext): AsyncGenerator<string, string, void> {
  const text = operation.text();
  if (text === 'hold') await operation.finished;
  if (text === 'later') await turn();
  if (text === 'parts') for (let part = 0; part < 3; part++) yield `${part}`;
  return text;
}

const working = () => serving({ submit: (operation) => work(operation) }, { maxInFlightOperations: 0 });

function running(server: NnrpServer, sessionId: number): OperationContext[] {
  return [...(server.sessions().find((one) => one.sessionId === sessionId)?.operations ?? [])] as OperationContext[];
}

describe('controls of preview4 that race with results', () => {
  it.each([1, 2, 3])('leave each frame exactly one last answer, and no part behind it, drawn from %i', async (seed) => {
    const draw = drawing(seed);
    const server = await working();
    const { peer, session } = await opened(server, { inFlight: 1000 });
    const FRAMES = 150;
    for (let frame = 1; frame <= FRAMES; frame++) {
      const ids = { session, frame };
      const controls = [
        packet(T.cancel, ids, request(frame)),
        packet(T.abort, ids, request(frame, 2)),
        packet(T.frameCancel, ids),
        packet(T.supersede, ids, supersede(frame, frame + 1, draw(2))),
        packet(T.supersede, ids, supersede(frame, frame)),
        packet(T.deadline, ids, scheduling(frame, 1)),
        packet(T.expireAt, ids, scheduling(frame, 1, 3)),
        packet(T.priority, ids, scheduling(frame, 0, 0, draw(65_536))),
        packet(T.budget, ids, budget(frame, 0xffff_ffff, 1)),
        packet(T.credit, { session }, pressure(frame, draw(2) === 0 ? 0 : 2n ** 64n - 1n, 0, 2)),
        packet(T.backpressure, { session }, pressure(frame, 0, PAUSED, 2)),
      ];
      const mode = ['echo', 'later', 'parts', 'hold'][draw(4)] as string;
      const sent = [packet(T.submit, ids, submit({ operation: frame }), mode)];
      for (let at = draw(5); at >= 0; at--) sent.push(controls[draw(controls.length)] as Buffer);
      peer.send(...sent);
      if (draw(3) === 0) await peer.settled();
    }
    for (let frame = 1; frame <= FRAMES; frame++) peer.send(packet(T.cancel, { session, frame }, request(frame)));
    await isServed(peer, session, FRAMES + 1);
    expect(server.sessions()[0]?.inFlightCount).toBe(0);
    const ends = new Map<number, number>();
    for (const { type, frame } of peer.seen) {
      if (type === T.partial) expect(ends.get(frame) ?? 0).toBe(0);
      if (type === T.result || type === T.dropReason || type === T.drop) ends.set(frame, (ends.get(frame) ?? 0) + 1);
    }
    const wrong = Array.from({ length: FRAMES }, (_, at) => at + 1).filter((frame) => ends.get(frame) !== 1);
    expect(wrong).toEqual([]);
  });

  it('say of an operation what is in force: an expiry that discards nothing takes back one that would', async () => {
    const server = await working();
    const { peer, session } = await opened(server);
    const ids = { session, frame: 1 };
    peer.send(
      packet(T.submit, ids, submit({ operation: 1 }), 'hold'),
      packet(T.expireAt, ids, scheduling(1, Date.now() + 60, 3)),
      packet(T.expireAt, ids, scheduling(1, FAR, 0)),
      packet(T.submit, { session, frame: 2 }, submit({ operation: 2 }), 'hold'),
      packet(T.expireAt, { session, frame: 2 }, scheduling(2, Date.now() + 120, 3)),
    );
    // The later one is over, and the earlier one is not.
    expect((await peer.next(T.dropReason))?.frame).toBe(2);
    expect(running(server, session).map(({ frameId }) => frameId)).toEqual([1]);
  });
});

describe('what a client of preview4 says of operations that are not its to speak of', () => {
  it('changes none: those of other sessions, ended, unknown and bound to another frame', async () => {
    const server = await working();
    const victim = await opened(server);
    victim.peer.send(packet(T.submit, { session: victim.session, frame: 1 }, submit({ operation: 77 }), 'hold'));
    await victim.peer.settled();
    const { peer, session } = await opened(server, { inFlight: 8 });
    await isServed(peer, session, 1);
    peer.send(
      packet(T.submit, { session, frame: 2 }, submit({ operation: 2 }), 'hold'),
      // The same operation with another frame.
      packet(T.submit, { session, frame: 3 }, submit({ operation: 2 }), 'hold'),
    );
    expect((await peer.next(T.dropReason))?.frame).toBe(3);
    const told = (at: { session: number; frame: number }, operation: number) => [
      packet(T.priority, at, scheduling(operation, 0, 0, 9)),
      packet(T.deadline, at, scheduling(operation, 1)),
      packet(T.expireAt, at, scheduling(operation, 1, 3)),
      packet(T.budget, at, budget(operation, 9)),
      packet(T.cancel, at, request(operation)),
      packet(T.supersede, at, supersede(operation, 900)),
    ];
    for (const at of [session, victim.session]) {
      peer.send(
        ...told({ session: at, frame: 1 }, 77),
        ...told({ session: at, frame: 3 }, 2),
        ...told({ session: at, frame: 1000 }, 77),
      );
    }
    peer.send(...told({ session, frame: 2 }, 77));
    await isServed(peer, session, 4);
    for (const [id, operation] of [
      [victim.session, 77n],
      [session, 2n],
    ] as const) {
      const [one, ...more] = running(server, id);
      expect([one?.id, one?.priority, one?.budget, more.length]).toEqual([operation, undefined, undefined, 0]);
    }
  });

  it('leaves the objects of other sessions as they are, and an id is free once its object is released', async () => {
    const server = await working();
    const victim = await opened(server);
    victim.peer.send(packet(T.declare, { session: victim.session }, declare(victim.session, 5)));
    await victim.peer.settled();
    const { peer, session } = await opened(server);
    peer.send(
      packet(T.declare, { session }, declare(victim.session, 6)),
      packet(T.release, { session }, release(5)),
      packet(T.release, { session: victim.session }, release(5)),
      packet(T.declare, { session }, declare(session, 5)),
      packet(T.release, { session }, release(5)),
      packet(T.declare, { session }, declare(session, 5)),
    );
    await isServed(peer, session, 1);
    const objects = (id: number) => [
      ...(server.sessions().find((one) => one.sessionId === id)?.controls.objects ?? []),
    ];
    expect(objects(victim.session).map(({ descriptor }) => descriptor.objectId)).toEqual([5n]);
    expect(objects(session).map(({ descriptor }) => descriptor.objectId)).toEqual([5n]);
    await isServed(victim.peer, victim.session, 1);
  });
});

describe('guesses at sessions of preview4', () => {
  it('with tokens that are wrong, of another session, used up or cut short resume nothing, and harm nobody', async () => {
    const server = await working();
    const victim = await peerOf(server);
    const granted = await victim.opened({ flags: 1 });
    const thief = await peerOf(server);
    const own = await thief.opened({ flags: 1 });
    thief.send(packet(T.submit, { session: own.session, frame: 1 }, submit({ operation: 1 }), 'hold'));
    await thief.settled();
    const guesses: [number, Buffer][] = [
      [granted.session, own.body],
      [granted.session, granted.body.subarray(0, 23)],
      [granted.session, Buffer.concat([granted.body, Buffer.alloc(1)])],
      [granted.session, Buffer.alloc(24)],
      [granted.session + 1000, granted.body],
      [0, granted.body],
    ];
    const guessing = await peerOf(server);
    guessing.send(packet(T.hello, {}, hello()));
    await guessing.get(T.helloAck);
    for (const [id, token] of guesses) {
      guessing.send(packet(T.open, {}, open({ id, flags: 1, token: token.length }), token));
      const answer = await guessing.get(T.openAck);
      expect([answer.session, answer.u32(48)]).toEqual([0, 0x00010006]);
    }
    expect(server.sessionCount).toBe(2);
    await isServed(victim, granted.session, 1);
    expect(running(server, own.session)).toHaveLength(1);
  });
});

/** A server with an operation that the test answers. */
async function holding() {
  const server = await working();
  const { peer, session } = await opened(server);
  peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 9 }), 'hold'));
  await peer.settled();
  await eventually(() => running(server, session).length === 1, 'the operation runs');
  const [operation] = running(server, session) as [OperationContext];
  return { server, peer, session, operation };
}

const heldResults = (server: NnrpServer) => server.sessions()[0]?.stats().heldResults;

describe('pressure of a client of preview4 that never ends', () => {
  it('holds its own results back, in bounded memory; others are served, and a close ends it', async () => {
    const server = await working();
    const other = await opened(server);
    const { peer, session } = await opened(server, { inFlight: 100 });
    peer.send(packet(T.backpressure, { session }, pressure(0, 0, PAUSED)));
    for (let frame = 1; frame <= 50; frame++) {
      peer.send(packet(T.submit, { session, frame }, submit({ operation: frame }), 'parts'));
    }
    await peer.settled();
    await isServed(other.peer, other.session, 1);
    expect(server.sessions().find(({ sessionId }) => sessionId === session)?.inFlightCount).toBe(50);
    peer.send(packet(T.sessionClose, { session }, sessionClose(50, 1)));
    await eventually(() => server.sessionCount === 1, 'the session is over');
    await isServed(other.peer, other.session, 2);
  });

  it('holds back what it names: the session, or the connection with all its sessions; a window that is none frees nothing', async () => {
    const server = await working();
    const { peer, session } = await opened(server, { inFlight: 100 });
    peer.send(packet(T.open, {}, open()));
    const other = (await peer.get(T.openAck)).session;
    peer.send(
      packet(T.backpressure, { session }, pressure(0, 0, PAUSED)),
      packet(T.credit, { session }, pressure(0, 0)),
      packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }), 'parts'),
    );
    await isServed(peer, other, 1);
    expect(running(server, session)).toHaveLength(1);
    peer.send(packet(T.credit, { session }, pressure(0, 2n ** 64n - 1n)));
    for (const part of ['0', '1', '2']) expect((await peer.next(T.partial))?.text).toBe(part);

    peer.send(
      packet(T.backpressure, { session }, pressure(0, 0, PAUSED, OF_CONNECTION)),
      packet(T.submit, { session: other, frame: 2 }, submit({ operation: 2 }), 'parts'),
      packet(T.credit, { session: other }, pressure(0, 0, 0, OF_CONNECTION)),
      packet(T.credit, { session: other }, pressure(0, 7)),
    );
    await isServed(peer, other, 3);
    expect(running(server, other)).toHaveLength(1);
    // Any session of the connection may say it, as the header needs one.
    peer.send(packet(T.credit, { session }, pressure(0, 1, 0, OF_CONNECTION)));
    expect(await peer.next(T.partial)).toMatchObject({ session: other, frame: 2, text: '0' });
    await eventually(() => running(server, other).length === 0, 'what was held back has gone out');
  });

  it.each(SCOPES)('holds the results of $name back for its time, and no longer', async ({ flags }) => {
    const { server, peer, session, operation } = await holding();
    // On a slow machine the time may be over before the result is there: then a longer one is said.
    for (let retryAfterMs = 40, isHeld = false; !isHeld; retryAfterMs *= 2) {
      const saidMs = performance.now();
      peer.send(packet(T.backpressure, { session }, pressure(operation.id, 0, HARD, flags, retryAfterMs)));
      await peer.settled();
      const pushed = operation.push('0');
      isHeld = heldResults(server) === 1;
      if (!isHeld) expect(performance.now() - saidMs).toBeGreaterThanOrEqual(retryAfterMs - 1);
      expect((await peer.next(T.partial))?.text).toBe('0');
      await pushed;
    }
  });

  it.each(SCOPES)(
    'is one thing and FLOW_UPDATE of $name another: neither takes back the other, nor hides it',
    async ({ flags, scopeKind }) => {
      const { server, peer, session, operation } = await holding();
      const ids = { session: flags === OF_CONNECTION ? 0 : session };
      const operationId = flags === OF_OPERATION ? operation.id : 0n;
      const flowSaid = (reason: number, epoch: number) =>
        packet(T.flow, ids, flow(scopeKind, reason, epoch, operationId));
      peer.send(
        flowSaid(PAUSE, 1),
        packet(T.backpressure, { session }, pressure(operationId, 0, PAUSED, flags)),
        flowSaid(RESUME, 2),
      );
      await peer.settled();
      const pushed = operation.push('0');
      expect(heldResults(server)).toBe(1);
      peer.send(flowSaid(PAUSE, 3), packet(T.credit, { session }, pressure(operationId, 1, 0, flags)));
      await peer.settled();
      expect(heldResults(server)).toBe(1);
      peer.send(flowSaid(RESUME, 4));
      expect((await peer.next(T.partial))?.text).toBe('0');
      await pushed;
    },
  );

  it('and renegotiation in the middle of a stream pile up nowhere when the application does not read them', async () => {
    const server = await serving({ submit: (operation) => work(operation) });
    const { peer, session } = await opened(server);
    const capability = bytes(u32(2), u32(0), u64(0), u64(0), u64(0));
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }), 'hold'));
    for (let round = 0; round < 3000; round++) {
      peer.send(
        packet(T.capability, { session }, capability),
        packet(T.degrade, { session }, capability),
        packet(T.credit, { session }, pressure(0, round % 2)),
      );
    }
    await isServed(peer, session, 2);
    const { queuedOperations, serverQueuedBytes, heldResultBytes } = server.stats();
    expect([queuedOperations?.value, serverQueuedBytes?.value ?? 0, heldResultBytes?.value ?? 0]).toEqual([0, 0, 0]);
  });
});
