// A server and a client of this process, one session between them, and what they say of it as a line of JSON. It runs what
// is built, and is bundled, too. In a worker thread the line is a message.
import { isMainThread, parentPort } from 'node:worker_threads';
import { QuicProvider, QuicServerEndpointConfig } from '../../dist/index.js';

async function main() {
  const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const server = await QuicProvider.bind(config, { drainTimeoutMs: 0 });
  const serving = server.serve({ submit: ({ body }) => body });
  const client = await QuicProvider.connect(server.localAddress, { roots: certificate.certificateDer });
  const session = await client.openSession();
  const { body } = await (await session.submit('ping')).result();
  await client.close();
  await server.close();
  await serving;
  return { answer: Buffer.from(body).toString(), platform: `${process.platform}-${process.arch}` };
}

main().then((told) => {
  if (isMainThread) console.log(JSON.stringify(told));
  else parentPort.postMessage(told);
});
