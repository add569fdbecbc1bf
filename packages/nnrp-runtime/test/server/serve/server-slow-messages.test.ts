import { expect, it } from 'vitest';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import { bytes, open, packet, sessionClose, submit, T, u16, u32, u64 } from '../../preview4/peer.js';
import { cleaning, opened, serving } from '../../preview4/stage.js';
import { eventually } from '../../support/eventually.js';

cleaning();

const KIB = 1024;
const BODY = Buffer.alloc(64 * KIB);
const CAPABILITY = bytes(u16(0), u16(3), u16(0), u16(0), u64(0), u64(0), u32(BODY.length), u32(0));
const ALL = bytes(u32(0), u32(0), u64(0), u64(0), u32(0), u32(0));

/** A handler that is not done before `release`. */
function slow() {
  const slow = { running: 0, heard: 0, release: () => {}, handler: async () => {} };
  const released = new Promise<void>((resolve) => {
    slow.release = resolve;
  });
  slow.handler = async () => {
    slow.running++;
    slow.heard++;
    await released;
    slow.running--;
  };
  return slow;
}

it.each<[string, number, (session: number, at: number) => Buffer]>([
  ['event', 64 * KIB, (session) => packet(T.capability, { session }, CAPABILITY, BODY)],
  ['cache', KIB, (session) => packet(T.cacheInvalidate, { session }, ALL)],
  [
    'cancel',
    KIB,
    (session, at) =>
      Buffer.concat([
        packet(T.submit, { session, frame: at + 1 }, submit({ operation: at + 1 }), 'x'),
        packet(T.frameCancel, { session, frame: at + 1 }),
      ]),
  ],
])('a client whose messages the handler %s does not get done with is not read further', async (name, each, make) => {
  const work = slow();
  const handlers: ServeHandlers = {
    submit: (operation) => (operation.text() === 'x' ? operation.finished.then(() => '') : 'served'),
    [name]: work.handler,
  };
  const maxQueuedBytesPerConnection = 1024 * KIB;
  const config = { maxQueuedBytesPerConnection, maxInFlightOperations: 0, supportedCacheObjects: [5] };
  const server = await serving(handlers, config);
  const { peer, session } = await opened(server, { inFlight: 0 });
  const other = await opened(server, { inFlight: 0 });
  const count = Math.ceil((8 * maxQueuedBytesPerConnection) / each);
  for (let at = 0; at < count; at++) peer.send(make(session, at));
  const hits = () => server.stats().connectionQueuedBytes?.hits ?? 0;
  await eventually(() => hits() > 0 || work.heard === count, 'so much runs that the client is not read');
  expect(work.running).toBeLessThan(count / 2);
  other.peer.send(packet(T.submit, { session: other.session, frame: 1 }, submit({ operation: 1 }), 'still there'));
  expect((await other.peer.next(T.result))?.text).toBe('served');
  work.release();
  await eventually(() => work.heard === count, 'all is heard in the end');
  await eventually(() => server.stats().connectionQueuedBytes?.value === 0, 'nothing is counted any more');
});

it('what handlers hold counts after the end of the session, too', async () => {
  const work = slow();
  const maxQueuedBytesPerConnection = 1024 * KIB;
  const config = { maxQueuedBytesPerConnection, maxInFlightOperations: 0 };
  const server = await serving({ submit: () => 'served', event: work.handler }, config);
  const { peer, session: first } = await opened(server, { inFlight: 0 });
  // Eight times as much as may be held, an eighth of it in each session.
  const sessions = 64;
  const each = maxQueuedBytesPerConnection / 8 / BODY.length;
  const isHeldUp = () => (server.stats().connectionQueuedBytes?.hits ?? 0) > 0;
  const opens = () => peer.seen.filter(({ type }) => type === T.openAck);
  for (let session = first; opens().length <= sessions && !isHeldUp(); session = opens().at(-1)?.session ?? 0) {
    const { length } = opens();
    for (let count = 0; count < each; count++) peer.send(packet(T.capability, { session }, CAPABILITY, BODY));
    peer.send(packet(T.sessionClose, { session }, sessionClose(0)), packet(T.open, {}, open({ inFlight: 0 })));
    await eventually(
      () => opens().length > length || isHeldUp(),
      'the next session is open, or its client is not read',
    );
  }
  expect(work.running).toBeLessThan((sessions * each) / 2);
  work.release();
  await eventually(() => server.stats().connectionQueuedBytes?.value === 0, 'nothing is counted any more');
});

it('what handlers hold counts for the server after the end of the connection, too', async () => {
  const work = slow();
  const server = await serving({ submit: () => 'served', event: work.handler }, { maxInFlightOperations: 0 });
  const { peer, session } = await opened(server, { inFlight: 0 });
  peer.send(packet(T.capability, { session }, CAPABILITY, BODY));
  await eventually(() => work.running === 1, 'the handler runs');
  peer.end();
  await eventually(() => server.stats().connections?.value === 0, 'the connection is over');
  const held = server.stats().serverQueuedBytes?.value;
  work.release();
  await eventually(() => server.stats().serverQueuedBytes?.value === 0, 'nothing is counted any more');
  expect(held).toBeGreaterThan(BODY.length);
});

it('a handler of sessions may last as long as they do, and counts only beyond that', async () => {
  const work = slow();
  const sessions = 20;
  const config = { maxQueuedBytesPerConnection: (sessions / 2) * KIB };
  const server = await serving({ submit: () => 'served', session: work.handler }, config);
  const { peer, session } = await opened(server);
  for (let count = 1; count < sessions; count++) peer.send(packet(T.open, {}, open()));
  await eventually(() => work.running === sessions, 'the handler runs for each');
  peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }), 'x'));
  expect((await peer.next(T.result))?.text).toBe('served');
  expect(server.stats().connectionQueuedBytes).toMatchObject({ value: 0, hits: 0 });
  peer.send(packet(T.sessionClose, { session }, sessionClose(0)));
  await eventually(() => server.stats().connectionQueuedBytes?.value === KIB, 'its handler counts, which runs on');
  work.release();
  await eventually(() => server.stats().connectionQueuedBytes?.value === 0, 'nothing is counted any more');
});
