import type { Connection, Exchanges } from './contestant.js';

const CLOSE_MS = 3000;

/** Does one exchange for a lane of a load. @throws Error when the connection ends before */
function exchangeOnce(connection: Connection, body: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let sent = false;
    connection.exchange(
      {
        begin: () => {
          if (sent) return undefined;
          sent = true;
          return body;
        },
        end: (_lane, reply) => resolve(reply),
        fail: reject,
      },
      0,
      1,
    );
  });
}

/**
 * Connects, exchanges, closes, again and again, in so many lanes at once. What a close still waits for, as for late
 * packets, delays no other; all closes are awaited in the end.
 */
export async function handshakes(
  connect: () => Promise<Connection>,
  exchanges: Exchanges,
  lanes: number,
): Promise<void> {
  const closes: Promise<unknown>[] = [];
  const runLane = async (lane: number) => {
    for (let body = exchanges.begin(lane); body !== undefined; body = exchanges.begin(lane)) {
      const connection = await connect();
      const reply = await exchangeOnce(connection, body);
      closes.push(connection.close().catch((error: unknown) => exchanges.fail(error)));
      exchanges.end(lane, reply);
    }
  };
  await Promise.all(
    Array.from({ length: lanes }, (_, lane) => runLane(lane).catch((error: unknown) => exchanges.fail(error))),
  );
  const late = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
  await Promise.race([Promise.all(closes), late]);
}
