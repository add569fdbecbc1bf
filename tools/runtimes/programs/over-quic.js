import { QuicProvider, QuicServerEndpointConfig } from 'nnrp-transport-quic';
import { PARTIALS } from './session.js';

/** Both ends over QUIC in this process. @returns what the client has got: an answer, and how many partials came in order */
export async function main() {
  const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const server = await QuicProvider.bind(config, { drainTimeoutMs: 0 });
  const serving = server.serve({
    async *submit(operation) {
      if (operation.text() !== 'stream') return `echo ${operation.text()}`;
      for (let number = 0; number < PARTIALS; number++) yield String(number);
      return 'end';
    },
  });
  const client = await QuicProvider.connect(server.localAddress, { roots: certificate.certificateDer });
  const session = await client.openSession();
  const answer = (await session.request('hello')).text();
  let next = 0;
  for await (const part of await session.submit('stream')) if (part.text() === String(next)) next++;
  await client.close();
  await server.close();
  await serving;
  return [answer, next];
}
