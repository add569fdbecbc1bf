import { expect, it } from 'vitest';
import { bytes, hello, open, packet, request, scheduling, sessionClose, submit, T, u16, u32, u64 } from './peer.js';
import { cleaning, opened, peerOf, serving } from './stage.js';

cleaning();

/** Numbers that look drawn and are the same in each run. */
function drawing(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state % below;
  };
}

/** One packet of each sort for a session and a frame. */
function samples(session: number, frame: number): Buffer[] {
  const ids = { session, frame };
  const operation = frame;
  return [
    packet(T.submit, ids, submit({ operation }), 'work'),
    packet(T.submit, ids, submit({ operation, latencyMs: 1 }), 'hold'),
    packet(T.cancel, ids, request(operation)),
    packet(T.abort, ids, request(operation, 2)),
    packet(T.frameCancel, ids),
    packet(T.priority, ids, scheduling(operation, 0, 0, 3)),
    packet(T.deadline, ids, scheduling(operation, Date.now() + 5)),
    packet(T.expireAt, ids, scheduling(operation, Date.now() + 3, 3)),
    packet(T.supersede, ids, bytes(u64(operation), u64(operation + 1), u64(1), u16(2), u16(1), u32(0))),
    packet(T.budget, ids, bytes(u64(operation), u64(1), u64(2), u64(3), u32(4), u32(2))),
    packet(T.backpressure, { session }, bytes(u64(0), u64(0), u16(2), u16(0), u32(3), u32(0), u32(0))),
    packet(T.credit, { session }, bytes(u64(0), u64(4), u16(0), u16(0), u32(0), u32(0), u32(0))),
    packet(T.trace, { session }, bytes(u64(1), u64(2), u64(0), u16(0), u16(0), u32(0))),
    packet(
      T.declare,
      { session },
      bytes(u64(frame), u16(7), u16(0x0201), u32(session), u64(10), u32(0), u16(0), u16(0), u32(1), u32(0), u64(0)),
    ),
    packet(T.ref, ids, bytes(u64(frame), u64(operation), u64(0), u64(0), u64(0), u32(0), u32(0))),
    packet(T.objectDelta, { session }, bytes(u64(frame), u64(1), u64(0), u32(0), u32(1), u32(0), u32(1)), 'md'),
    packet(T.cacheReference, { session }, Buffer.alloc(56)),
    packet(T.cachePut, { session }, bytes(u32(1), u32(5), u64(1), u64(frame), u32(9), u32(2), u32(0), u32(0)), 'ob'),
    packet(T.cacheInvalidate, { session }, Buffer.alloc(32)),
    packet(T.flow, { session }, Buffer.alloc(32)),
    packet(T.ping, { session }),
    packet(T.probe, {}, bytes(u64(1), u32(0), u32(0))),
    packet(T.hello, {}, hello()),
    packet(T.open, {}, open({ id: session + 1 })),
    packet(T.sessionClose, { session }, sessionClose(operation)),
  ];
}

it.each([1, 2, 3, 4, 5, 6])('whatever a client of preview4 sends costs itself alone, drawn from %i', async (seed) => {
  const draw = drawing(seed);
  const server = await serving(
    {
      async *submit(operation) {
        yield 'part';
        if (operation.text() === 'hold') await operation.finished;
      },
    },
    { supportedCacheObjects: [5] },
  );
  const errors: unknown[] = [];
  server.on('internalError', (error) => void errors.push(error));
  const honest = await opened(server);
  for (let round = 0; round < 12; round++) {
    const peer = await peerOf(server);
    const { session } = await peer.opened({ flags: draw(2) });
    for (let at = 0; at < 150; at++) {
      const found = samples(session, 1 + draw(12));
      const sent = found[draw(found.length)] as Buffer;
      // Now and then some byte of metadata, body or ids is another one; lengths stay, or the stream would end at once.
      if (draw(3) === 0) {
        const where = draw(sent.length - 20) + 20;
        sent.writeUInt8(draw(256), Math.min(where, sent.length - 1));
      }
      peer.send(sent);
    }
    if (draw(2) === 0) await peer.settled();
    peer.end();
  }
  honest.peer.send(packet(T.submit, { session: honest.session, frame: 1 }, submit({ operation: 1 }), 'work'));
  expect((await honest.peer.get(T.partial)).text).toBe('part');
  await honest.peer.get(T.result);
  expect(errors).toEqual([]);
});
