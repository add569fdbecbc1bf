import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { expect, it } from 'vitest';
import '../../src/index.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';

const { certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
const tls = { certificateChain: certificate.certificateDer, privateKey: certificate.privateKeyPkcs8Der };
const roots = certificate.certificateDer;

it('an address names QUIC once the package has been imported', async () => {
  const server = await NnrpServer.listen(['nnrp+quic://127.0.0.1:0', 'nnrps://127.0.0.1:0'], { tls });
  server.serve({ submit: ({ body }) => body });
  expect(server.endpoints.map(({ kind }) => kind)).toEqual(['quic', 'tcp']);
  const client = await NnrpClient.connect(`nnrp+quic://${server.localAddress}`, { tls: { roots } });
  const session = await client.openSession();
  expect((await session.request('over QUIC')).text()).toBe('over QUIC');
  expect(client.toJSON()).toMatchObject({ transport: 'quic' });
  await client.close();
  await server.close();
});

it('its options stand under its scheme, and are checked', async () => {
  const own = (options: object) => ({ transports: { 'nnrp+quic': options } });
  await expect(NnrpServer.listen('nnrp+quic://127.0.0.1:0', own({ ...tls, retries: 1 }))).rejects.toThrow(
    "nnrp+quic://127.0.0.1:0: QUIC options: there is no option 'retries'",
  );
  await expect(NnrpServer.listen('nnrp+quic://127.0.0.1:0')).rejects.toThrow(
    'listen: nnrp+quic://127.0.0.1:0: needs a certificate and its key',
  );
  await expect(NnrpClient.connect('nnrp+quic://127.0.0.1:1', own({ idleTimeoutMs: -1 }))).rejects.toThrow(
    'idleTimeoutMs',
  );
});

it.each(['nnrp+quic://127.0.0.1', 'nnrp+quic://127.0.0.1:1/path', 'nnrp+quic://127.0.0.1:1?x'])(
  '%s is refused',
  async (address) => {
    await expect(NnrpClient.connect(address)).rejects.toThrow(
      /address: expected nnrp\+quic:\/\/HOST:PORT, and nothing else, got 'nnrp\+quic:\/\/127/,
    );
  },
);
