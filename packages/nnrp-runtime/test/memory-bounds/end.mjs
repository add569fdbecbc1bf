// One end of a connection in a process of its own, so that what it holds can be measured. Its parent is the other end.
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

if (role === 'server') {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', {
    maxInFlightOperations: 1,
    slowReader: 'drop_oldest_partial',
  });
  server.serve({
    async submit(operation) {
      for (let count = 0; count < 400_000; count++) {
        operation.push('p');
        // Nobody waits for room.
        if (count % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return operation.finished;
    },
  });
  counted = () => server.stats().outboxBytes.value;
  base = held();
  process.send({ address: server.localAddr });
} else {
  const maxBufferedResultBytes = Number(option) || undefined;
  process.on('message', async ({ address }) => {
    if (address === undefined) return;
    const client = await NnrpClient.connectTcp(address, { ...(maxBufferedResultBytes && { maxBufferedResultBytes }) });
    base = held();
    const { connection } = client;
    if (role === 'unread') {
      const session = await client.openSession({ defaultDeadlineMs: 0 });
      globalThis.operation = await session.submit('go');
      globalThis.patch = session.patch({ targetCadenceX100: 1 }, undefined, { timeoutMs: 60_000 });
      globalThis.patch.catch((error) => process.send({ failed: error.reason }));
      counted = () => connection.unread.unreadBytes;
    } else {
      counted = () => connection.outbox.byteLength;
    }
  });
}
process.on('message', ({ measure }) => {
  if (measure) process.send({ counted: counted(), held: held() - base, rss: process.memoryUsage.rss() });
});
