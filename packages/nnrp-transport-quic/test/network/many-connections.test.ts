import type { NnrpClient, NnrpClientSession } from 'nnrp-runtime';
import { afterEach, expect, it } from 'vitest';
import { QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';

const COUNT = 1000;
/** What both ends of a connection with a session may cost; they cost about 130 KiB. */
const MAX_PAIR_BYTES = 400 * 1024;

/** A thousand handshakes at once take a second, more on a machine with something else to do. */
const PATIENT = { handshakeTimeoutMs: 30_000 };

const stage = new QuicStage();
afterEach(() => stage.clear());

async function answered(session: NnrpClientSession, text: string): Promise<void> {
  const { body } = await (await session.submit(text)).result();
  expect(Buffer.from(body).toString()).toBe(text);
}

it(`serves ${COUNT} connections of one socket at another, each by itself, and keeps nothing of them`, {
  timeout: 60_000,
}, async () => {
  const server = await stage.echo(PATIENT, PATIENT);
  const connector = stage.connector(server.localAddress, PATIENT);
  const before = process.memoryUsage.rss();
  const clients: NnrpClient[] = [];
  // As soon as each is connected: the server ends a connection that opens none for too long.
  const opened = async (): Promise<NnrpClientSession> => {
    const client = await stage.connectBy(connector, { openTimeoutMs: 30_000 });
    clients.push(client);
    return client.openSession();
  };
  const sessions = await Promise.all(Array.from({ length: COUNT }, opened));
  await Promise.all(sessions.map((session, index) => answered(session, `from ${index}`)));
  expect(server.connectionCount).toBe(COUNT);
  expect(server.sessionCount).toBe(COUNT);
  expect(stage.inside(server)).toEqual({ handshakes: 0, connections: COUNT, inModule: COUNT });
  expect((process.memoryUsage.rss() - before) / COUNT).toBeLessThan(MAX_PAIR_BYTES);
  // One after another: the others are idle.
  for (const session of sessions.slice(0, 100)) await answered(session, 'again');

  await Promise.all(clients.map((client) => client.close()));
  await until(() => server.connectionCount === 0, 'the server has closed them all');
  await until(() => stage.inside(server).connections === 0, 'none waits for late packets');
  expect(stage.inside(server)).toEqual({ handshakes: 0, connections: 0, inModule: 0 });
  await answered(await (await stage.connectBy(connector)).openSession(), 'a new socket');
});
