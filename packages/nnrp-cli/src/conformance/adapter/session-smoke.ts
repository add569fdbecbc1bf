import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { selfSigned } from '../../cert/self-signed.js';
import { loadTransports } from '../../transport/load-transports.js';
import { expectBytes, expectSame } from './case-failure.js';
import { utf8 } from './message-trip.js';

const LOCALHOST = {
  commonName: 'localhost',
  names: ['localhost'],
  addresses: ['127.0.0.1'],
  days: 1,
  use: 'server',
} as const;

const PAYLOAD = utf8('a body that comes back');

/**
 * A session between a server and a client over the transport of an address: open, submit, its result, close.
 *
 * @throws CaseFailure (as a rejection)
 */
export async function sessionSmoke(listen: string): Promise<void> {
  const isQuic = listen.startsWith('nnrp+quic:');
  await loadTransports([{ scheme: isQuic ? 'nnrp+quic' : 'nnrp', url: listen }]);
  const certificate = isQuic ? selfSigned(LOCALHOST, new Date()) : undefined;
  const server = await NnrpServer.listen(listen, {
    revision: 'preview4',
    ...(certificate && { tls: { certificateChain: certificate.certificate, privateKey: certificate.key } }),
  });
  const seen: number[] = [];
  const serving = server.serve({
    submit: ({ frameId, body }) => {
      seen.push(frameId);
      return body;
    },
  });
  try {
    const client = await NnrpClient.connect(`${listen.slice(0, listen.indexOf(':'))}://${server.localAddress}`, {
      revision: 'preview4',
      ...(certificate && { tls: { roots: certificate.certificate, serverName: 'localhost' } }),
    });
    try {
      const session = await client.openSession();
      expectSame('revision', session.revision, 'preview4');
      const operation = await session.submit(PAYLOAD);
      expectBytes('body of the result', (await operation.result()).body, PAYLOAD);
      expectSame('frames that the handler has seen', seen, [operation.frameId]);
      await session.close();
    } finally {
      await client.close();
    }
  } finally {
    await server.close();
    await serving;
  }
}
