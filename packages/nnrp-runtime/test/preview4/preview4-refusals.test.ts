import { describe, expect, it } from 'vitest';
import type { ProtocolViolation } from '../../src/server/contract/server-events.js';
import type { NnrpServer } from '../../src/server/server.js';
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
  u16,
  u32,
  u64,
} from './peer.js';
import { cleaning, opened, peerOf, serving } from './stage.js';

cleaning();

/** What the server has told of the client. */
function violations(server: NnrpServer): ProtocolViolation[] {
  const told: ProtocolViolation[] = [];
  server.on('protocolViolation', (violation) => void told.push(violation));
  return told;
}

const echoing = () => serving({ submit: (operation) => operation.text() });
const holding = () => serving({ submit: (operation) => operation.finished });

/** The session goes on: work is answered. */
async function isAlive(peer: Peer, session: number, frame: number): Promise<void> {
  peer.send(packet(T.submit, { session, frame }, submit({ operation: 10_000 + frame }), 'alive'));
  const result = await peer.next(T.result);
  expect([result?.session, result?.frame, result?.text]).toEqual([session, frame, 'alive']);
}

describe('a hello of preview4', () => {
  it.each<[string, Buffer]>([
    ['of another version', packet(T.hello, {}, hello({ maxVersion: 0 }))],
    ['that is too short', packet(T.hello, {}, hello().subarray(0, 60))],
    ['with a body that was not announced', packet(T.hello, {}, hello(), 'body')],
    ['with a session', packet(T.hello, { session: 1 }, hello())],
    ['without a profile that is served', packet(T.hello, {}, hello({ profiles: 1 }))],
  ])('%s is refused by ERROR, and costs the connection', async (_name, sent) => {
    const peer = await peerOf(await echoing());
    peer.send(sent);
    const error = await peer.get(T.error);
    expect([error.u32(4), error.session]).toEqual([0, 0]);
    expect((await peer.rest()).map(({ type }) => type)).toEqual([T.close]);
  });

  it('has to come first where the server speaks nothing else', async () => {
    const server = await serving({ submit: () => '' }, { revision: 'preview4' });
    const peer = await peerOf(server);
    peer.send(packet(T.open, {}, open()));
    expect((await peer.get(T.error)).text).toBe('SESSION_OPEN before CLIENT_HELLO');
  });

  it('may come after probes, of which there are not too many', async () => {
    const server = await echoing();
    const probe = packet(T.probe, {}, bytes(u64(1), u32(0), u32(0)));
    const honest = await peerOf(server);
    honest.send(probe, probe, probe);
    for (let at = 0; at < 3; at++) await honest.get(T.probeAck);
    const { session } = await honest.opened();
    await isAlive(honest, session, 1);
    const flood = await peerOf(server);
    for (let at = 0; at < 1025; at++) flood.send(probe);
    const answers = await flood.rest();
    expect(answers.filter(({ type }) => type === T.probeAck).length).toBe(1024);
    expect(answers.some(({ type }) => type === T.error)).toBe(true);
  });
});

describe('on session 0 of preview4 (P-3)', () => {
  it('PING is answered, a flow update and an ERROR are taken, and a second hello costs nothing but itself', async () => {
    const server = await echoing();
    const told = violations(server);
    const { peer, session } = await opened(server);
    const flow = Buffer.alloc(32);
    peer.send(packet(T.ping), packet(T.flow, {}, flow), packet(T.hello, {}, hello()));
    await peer.get(T.pong);
    await isAlive(peer, session, 1);
    expect(told.map(({ error }) => error.rawMessage)).toEqual(['CLIENT_HELLO: it has come before']);
  });

  it('CLOSE ends the connection', async () => {
    const { peer } = await opened(await echoing());
    peer.send(packet(T.close));
    expect(await peer.rest()).toEqual([]);
  });
});

describe('packets for sessions that are not open (P-1)', () => {
  it('are dropped where the session was open, and reported where it never was; other sessions live on', async () => {
    const server = await echoing();
    const told = violations(server);
    const { peer, session } = await opened(server);
    peer.send(packet(T.open, {}, open()));
    const other = (await peer.get(T.openAck)).session;
    peer.send(packet(T.sessionClose, { session: other }, sessionClose(0)));
    await peer.get(T.sessionCloseAck);
    peer.send(
      packet(T.submit, { session: other, frame: 1 }, submit({ operation: 1 })),
      packet(T.cancel, { session: other, frame: 1 }, request(1)),
      packet(T.sessionClose, { session: other }, sessionClose(0)),
      packet(T.submit, { session: 4242, frame: 1 }, submit({ operation: 1 })),
    );
    await isAlive(peer, session, 1);
    expect(told.map(({ error }) => error.rawMessage)).toEqual(['FRAME_SUBMIT: session 4242 was never opened here']);
    // The id may be asked for again.
    peer.send(packet(T.open, {}, open({ id: other })));
    expect((await peer.get(T.openAck)).session).toBe(other);
    await isAlive(peer, other, 1);
  });
});

describe('a submit of preview4 that breaks a rule (P-2, P-12)', () => {
  const reserved = submit({ operation: 5 });
  reserved.writeUInt8(1, 15);
  const lossy = submit({ operation: 5 });
  lossy.writeUInt8(7, 54);
  it.each<[string, number, Buffer, number | undefined]>([
    ['with frame 0', 0, submit({ operation: 5 }), T.dropReason],
    ['with a reserved field (7.3)', 2, reserved, T.dropReason],
    ['with a loss tolerance that is none', 2, lossy, T.dropReason],
    ['without an operation (FSUB-2)', 2, submit({ operation: 0 }), T.drop],
    ['of another length', 2, submit({ operation: 5 }).subarray(0, 64), T.drop],
    ['with the frame of one that has ended', 1, submit({ operation: 5 }), T.dropReason],
    ['with the operation of one that has ended', 2, submit({ operation: 10_001 }), T.dropReason],
  ])('%s gets a drop of its own, and nothing else happens', async (_name, frame, metadata, type) => {
    const server = await echoing();
    const told = violations(server);
    const { peer, session } = await opened(server);
    await isAlive(peer, session, 1);
    peer.send(packet(T.submit, { session, frame }, metadata));
    const drop = await peer.next();
    expect([drop?.type, drop?.frame]).toEqual([type, frame]);
    if (type === T.dropReason) expect([drop?.u64(0), drop?.u16(16)]).toEqual([metadata.readBigUInt64LE(40), 5]);
    expect(told).toHaveLength(1);
    await isAlive(peer, session, 3);
  });

  it('has a frame that descends', async () => {
    const { peer, session } = await opened(await echoing());
    await isAlive(peer, session, 5);
    peer.send(packet(T.submit, { session, frame: 4 }, submit({ operation: 4 })));
    expect((await peer.get(T.dropReason)).frame).toBe(4);
    await isAlive(peer, session, 6);
  });

  it('has the frame of one that runs: that one keeps it, and is answered once', async () => {
    const server = await holding();
    const { peer, session } = await opened(server);
    const again = (operation: number) => packet(T.submit, { session, frame: 1 }, submit({ operation }));
    peer.send(again(1), again(2), packet(T.cancel, { session, frame: 1 }, request(1)));
    const drop = await peer.get(T.dropReason);
    expect([drop.frame, drop.u64(0), drop.u16(16)]).toEqual([1, 1n, 3]);
    await peer.settled();
  });

  it('is one too many: it is dropped for backpressure', async () => {
    const { peer, session } = await opened(
      await serving({ submit: ({ finished }) => finished }, { maxInFlightOperations: 1 }),
      {
        inFlight: 1,
      },
    );
    peer.send(
      packet(T.submit, { session, frame: 1 }, submit({ operation: 1 })),
      packet(T.submit, { session, frame: 2 }, submit({ operation: 2 })),
    );
    const drop = await peer.get(T.dropReason);
    expect([drop.frame, drop.u64(0), drop.u16(16), drop.metadata.readUInt8(19)]).toEqual([2, 2n, 4, 3]);
    await peer.settled();
  });
});

describe('a message of preview4 that breaks a rule', () => {
  /** Of the operation 1 with frame 1, which runs. */
  const ids = (session: number) => ({ session, frame: 1 });
  const CASES: [string, (session: number) => Buffer, string][] = [
    ['CANCEL by a role that is none', (s) => packet(T.cancel, ids(s), request(1, 1, 9)), 'runtime_role'],
    ['CANCEL with flags that are none', (s) => packet(T.cancel, ids(s), request(1, 4)), 'only 0x03'],
    ['CANCEL with a text that is not there', (s) => packet(T.cancel, ids(s), request(1, 1, 1, 5)), 'diagnostic_bytes'],
    ['CANCEL with the id of another operation', (s) => packet(T.cancel, ids(s), request(2)), 'no such operation'],
    [
      'CANCEL of a frame that never was',
      (s) => packet(T.cancel, { session: s, frame: 9 }, request(9)),
      'no such operation',
    ],
    ['FRAME_CANCEL of a frame that never was', (s) => packet(T.frameCancel, { session: s, frame: 9 }), 'no frame 9'],
    ['DEADLINE without a time (SCHED-2)', (s) => packet(T.deadline, ids(s), scheduling(1, 0)), 'SCHED-2'],
    ['EXPIRE_AT of another length', (s) => packet(T.expireAt, ids(s), scheduling(1, 1).subarray(0, 30)), 'EXPIRE_AT'],
    [
      'PRIORITY_UPDATE of an operation that is to come',
      (s) => packet(T.priority, { session: s, frame: 9 }, scheduling(9, 0)),
      'no such operation',
    ],
    [
      'PROGRESS above 100 percent (PROG-1)',
      (s) => packet(T.progress, ids(s), bytes(u64(1), u64(1), u16(0), u16(10_001), u64(0), u32(0))),
      'PROG-1',
    ],
    [
      'PARTIAL_RESULT of nothing (PART-3)',
      (s) => packet(T.partial, ids(s), bytes(u64(1), u64(1), u64(0), u64(0), u32(0), u32(0))),
      'PART-3',
    ],
    [
      'BACKPRESSURE without a level (PRESS-2)',
      (s) => packet(T.backpressure, { session: s }, Buffer.alloc(32)),
      'PRESS-2',
    ],
    ['TRACE_CONTEXT without a trace (TRACE-1)', (s) => packet(T.trace, { session: s }, Buffer.alloc(32)), 'TRACE-1'],
    [
      'TRACE_CONTEXT with another trace in its header',
      (s) => packet(T.trace, { session: s, trace: 5n }, bytes(u64(1), u64(1), u64(0), u16(0), u16(0), u32(0))),
      'another trace id',
    ],
    [
      'RESULT_DROP_REASON without a reason (DROPR-2)',
      (s) => packet(T.dropReason, ids(s), bytes(u64(1), u64(1), u64(0), u64(0))),
      'DROPR-2',
    ],
    [
      'OBJECT_DECLARE of a kind that is none',
      (s) =>
        packet(
          T.declare,
          { session: s },
          bytes(u64(1), u16(99), u16(0), u32(s), u64(0), u32(0), u16(0), u16(0), u32(0), u32(0), u64(0)),
        ),
      'runtime_object_kind',
    ],
    [
      'OBJECT_REF to an operation that never was',
      (s) => packet(T.ref, { session: s, frame: 9 }, bytes(u64(1), u64(9), u64(0), u64(0), u64(0), u32(0), u32(0))),
      'no such operation',
    ],
    [
      'CACHE_MISS with a text that is not there',
      (s) => packet(T.cacheMiss, { session: s }, bytes(u32(1), u16(0), u16(0), u64(0), u64(0), u32(3), u32(0))),
      'diagnostic_bytes',
    ],
    [
      'SESSION_PATCH with another block',
      (s) => packet(T.patch, { session: s }, Buffer.alloc(36), 'x'),
      'profile_patch',
    ],
    ['a result from a client', (s) => packet(T.result, ids(s), Buffer.alloc(64)), 'not for a server'],
    ['SESSION_OPEN within a session', (s) => packet(T.open, { session: s }, open()), 'session'],
  ];
  it.each(CASES)('%s is passed over and told, and costs nothing else', async (_name, sent, text) => {
    const server = await holding();
    const told = violations(server);
    const { peer, session } = await opened(server);
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 1 })), sent(session));
    await peer.settled();
    expect(told.map(({ error }) => error.rawMessage).join()).toContain(text);
    expect(told).toHaveLength(1);
    peer.send(packet(T.cancel, { session, frame: 1 }, request(1)));
    expect((await peer.get(T.dropReason)).u16(16)).toBe(3);
  });

  it('is no fault where it is late: what is over is over (P-18)', async () => {
    const server = await echoing();
    const told = violations(server);
    const { peer, session } = await opened(server);
    await isAlive(peer, session, 1);
    const operation = 10_001;
    peer.send(
      packet(T.cancel, { session, frame: 1 }, request(operation)),
      packet(T.abort, { session, frame: 1 }, request(operation)),
      packet(T.frameCancel, { session, frame: 1 }),
      packet(T.deadline, { session, frame: 1 }, scheduling(operation, 1)),
      packet(T.cancel, { session }, request(0)),
    );
    await isAlive(peer, session, 2);
    expect(told).toEqual([]);
  });

  it('comes a thousand times: the session is given up, and no other one', async () => {
    const server = await echoing();
    const { peer, session } = await opened(server);
    peer.send(packet(T.open, {}, open()));
    const other = (await peer.get(T.openAck)).session;
    for (let at = 0; at <= 1000; at++) peer.send(packet(T.trace, { session }, Buffer.alloc(32)));
    const closed = await peer.get(T.sessionClose);
    expect(closed.session).toBe(session);
    await isAlive(peer, other, 1);
  });
});

describe('deadlines that come before their submits (P-19)', () => {
  it('cost nothing but themselves when they are over, are too many, or fit no submit', async () => {
    const server = await echoing();
    const told = violations(server);
    const { peer, session } = await opened(server, { inFlight: 2 });
    const early = (frame: number, operation: number, ms = 4_000_000_000_000) =>
      packet(T.deadline, { session, frame }, scheduling(operation, ms));
    peer.send(early(1, 1, 1), early(2, 2), early(2, 3), early(3, 2), early(4, 4), early(5, 5));
    await peer.settled();
    expect(told.map(({ error }) => error.rawMessage.replace(/^.*: /, ''))).toEqual([
      'its time is over already',
      'its frame has one already',
      'its operation has one already',
      '2 wait for their submits already',
    ]);
    // The frame fits, and the operation does not.
    await isAlive(peer, session, 2);
    await isAlive(peer, session, 9);
  });
});

describe('a hostile client of preview4', () => {
  it('that declares objects without end fills its own table, and is told', async () => {
    const server = await echoing();
    const { peer, session } = await opened(server);
    const declare = (id: number) =>
      packet(
        T.declare,
        { session },
        bytes(u64(id), u16(7), u16(0x0201), u32(session), u64(10), u32(0), u16(0), u16(0), u32(0), u32(0), u64(0)),
      );
    for (let id = 1; id <= 1030; id++) peer.send(declare(id));
    await peer.settled();
    expect(server.sessions()[0]?.controls.objects.size).toBe(1024);
    expect((await peer.next(T.recoverable))?.text).toBe('object: table_full');
    await isAlive(peer, session, 1);
  });

  it('that sends garbage ends its connection alone', async () => {
    const server = await echoing();
    const other = await opened(server);
    const { peer, session } = await opened(server);
    const unknown = packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }));
    unknown.writeUInt8(0x4a, 6);
    peer.send(unknown);
    expect((await peer.rest()).map(({ type }) => type)).toEqual([T.error, T.close]);
    await isAlive(other.peer, other.session, 1);
  });

  it('of preview3 is refused messages of preview4 as before', async () => {
    const peer = await peerOf(await echoing());
    peer.send(packet(T.open, {}, open()));
    const { session } = await peer.get(T.openAck);
    peer.send(packet(T.cancel, { session, frame: 1 }, request(1)));
    const error = await peer.get(T.error);
    expect(error.text).toBe('message_type 0x30 is not assigned');
    await peer.rest();
  });
});

describe('a body of capabilities', () => {
  const capabilities = (session: number, count: number, body: string) =>
    packet(
      T.capability,
      { session },
      bytes(u16(2), u16(count), u32(0), u64(0), u64(0), u32(body.length), u32(0)),
      body,
    );

  it('is no list of tokens up to release 4.25, which a strict server refuses as 4.26 does', async () => {
    const lenient = await echoing();
    const strict = await serving({ submit: (operation) => operation.text() }, { strict: true });
    for (const [server, told] of [
      [lenient, violations(lenient)],
      [strict, violations(strict)],
    ] as const) {
      const { peer, session } = await opened(server);
      peer.send(
        capabilities(session, 2, 'cap!'),
        capabilities(session, 1, '\u0008\u0000vendor.x'),
        capabilities(session, 1, '\u000c\u0000object.delta'),
      );
      await isAlive(peer, session, 1);
      const expected = server === strict ? ['CAP-5', 'vendor.x'] : [];
      expect(told.length).toBe(expected.length);
      for (const [at, text] of expected.entries()) expect(told[at]?.error.message).toContain(text);
    }
  });
});
