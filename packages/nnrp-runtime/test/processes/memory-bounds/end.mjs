// A client, or the outbox of a server, in a process of its own, so that what it holds can be measured. Its parent is the other end.
import { NnrpClient, NnrpServer } from 'nnrp-runtime';

const [role, option] = process.argv.slice(2);
const held = () => {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
let counted = () => 0;
let base = 0;
let baseResident = 0;

if (role === 'server') {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', {
    maxInFlightOperations: 1,
    slowReader: 'drop_oldest_partial',
  });
  server.serve({
    async submit(operation) {
      for (let count = 0; count < 400_000; count++) {
        operation.push('p');
        // The sends do not wait for room.
        if (count % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return operation.finished;
    },
  });
  counted = () => server.stats().outboxBytes.value;
  base = held();
  process.send({ address: server.localAddress });
} else {
  const maxBufferedResultBytes = role === 'unread' || role === 'heldBack' ? Number(option) : undefined;
  process.on('message', async ({ address }) => {
    if (address === undefined) return;
    const client = await NnrpClient.connectTcp(address, {
      ...(maxBufferedResultBytes && { maxBufferedResultBytes }),
      requestTimeoutMs: 100_000,
      maxOutboxBytes: 32 * 1024 * 1024,
    });
    base = held();
    baseResident = process.memoryUsage.rss();
    const { connection } = client;
    if (role === 'heldBack') {
      const session = await client.openSession({ defaultDeadlineMs: 0 });
      globalThis.operation = await session.submit('go');
      counted = () => connection.unread.unreadBytes;
    } else if (role === 'unread') {
      const session = await client.openSession({ defaultDeadlineMs: 0 });
      globalThis.operation = await session.submit('go');
      globalThis.patch = session.patch({ targetCadenceX100: 1 }, undefined, { timeoutMs: 60_000 });
      globalThis.patch.catch((error) => process.send({ failed: error.reason }));
      counted = () => connection.unread.unreadBytes;
    } else if (role === 'events') {
      globalThis.session = await client.openSession({ defaultDeadlineMs: 0 });
      const stream = globalThis.session.events();
      const ofClient = client.events();
      counted = () => stream.waitingBytes + ofClient.waitingBytes;
      process.send({ ready: true });
    } else if (role === 'requests') {
      const session = await client.openSession({ defaultDeadlineMs: 0 });
      const bytes = Number(option);
      const ask =
        bytes < 0
          ? () => session.patch({ qualityTier: 1 })
          : () => session.putObject({ namespace: 1, key: 1n, kind: 1 }, new Uint8Array(bytes));
      let refused;
      while (!refused) {
        ask().catch((error) => {
          refused ??= error.code;
        });
        await undefined;
      }
      globalThis.session = session;
      counted = () => connection.outbox.byteLength + connection.requestBytes;
    } else if (role === 'submits') {
      const session = await client.openSession({ defaultDeadlineMs: 0 });
      const bytes = Number(option);
      for (let count = 0; count < 30_000; count++) session.submit(new Uint8Array(bytes)).catch(() => {});
      globalThis.session = session;
      counted = () => 30_000;
    } else {
      counted = () => connection.outbox.byteLength;
    }
  });
}
process.on('message', ({ measure }) => {
  if (measure)
    process.send({ counted: counted(), held: held() - base, resident: process.memoryUsage.rss() - baseResident });
});
