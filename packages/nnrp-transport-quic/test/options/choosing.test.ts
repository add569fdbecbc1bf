import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { NnrpClient, type NnrpConnectOptions, NnrpServer } from 'nnrp-runtime';
import { expect, it } from 'vitest';
import { eventually } from '../../../nnrp-runtime/test/support/eventually.js';
import { atEnd, Relay } from '../../../nnrp-runtime/test/transport/url/ways.js';
import '../../src/index.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';
import { UdpProxy } from '../support/udp-proxy.js';

const { certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
const tls = { certificateChain: certificate.certificateDer, privateKey: certificate.privateKeyPkcs8Der };
const roots = certificate.certificateDer;

/** One server over QUIC and TLS. */
async function serve() {
  const server = await NnrpServer.listen(['nnrp+quic://127.0.0.1:0', 'nnrps://127.0.0.1:0'], { tls });
  atEnd(() => server.close());
  server.serve({ submit: ({ body }) => body });
  const [quic = '', tcp = ''] = server.endpoints.map(({ localAddress }) => localAddress);
  return { server, quic: `nnrp+quic://${quic}`, tcp: `nnrps://${tcp}` };
}

async function connect(addresses: string[], config: NnrpConnectOptions = {}) {
  const client = await NnrpClient.connect(addresses, { tls: { roots }, reconnectBackoffMs: 1, ...config });
  atEnd(() => client.close());
  return client;
}

const transportOf = (client: NnrpClient) => client.toJSON()['transport'];

/** A port at which datagrams arrive, and nothing comes back: what a firewall makes of QUIC. */
async function blackHole() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  atEnd(() => socket.close());
  let datagrams = 0;
  socket.on('message', () => datagrams++);
  return { address: `nnrp+quic://127.0.0.1:${socket.address().port}`, datagrams: () => datagrams };
}

it('a network that swallows QUIC is left for TLS, which is encrypted, too', async () => {
  const { server, tcp } = await serve();
  const hole = await blackHole();
  for (const transportPolicy of ['auto', { prefer: 'quic' }] as const) {
    const before = hole.datagrams();
    const client = await connect([hole.address, tcp], { transportPolicy });
    expect(transportOf(client)).toBe('tcp');
    expect(hole.datagrams()).toBeGreaterThan(before);
    await client.close();
  }
  const forced = NnrpClient.connect([hole.address, tcp], {
    tls: { roots },
    transportPolicy: { force: 'quic' },
    connectTimeoutMs: 500,
  });
  await expect(forced).rejects.toThrow(hole.address.slice('nnrp+quic://'.length));
  await eventually(() => server.connectionCount === 0, 'no connection is left');
});

it('QUIC is taken first where it is preferred, and says so to the server', async () => {
  const { quic, tcp } = await serve();
  for (const transportPolicy of [{ prefer: 'quic' }, { force: 'quic' }] as const) {
    const client = await connect([tcp, quic], { transportPolicy, hello: true });
    await client.openSession();
    expect(transportOf(client)).toBe('quic');
    const policy = 'force' in transportPolicy ? 3 : 1;
    // policy, accepted policy, reserved; transport_id 1.
    expect(client.serverHello?.extensions).toContainEqual(
      expect.objectContaining({ type: 0x0102, payload: new Uint8Array([policy, policy, 0, 0, 1, 0, 0, 0]) }),
    );
  }
  expect(transportOf(await connect([tcp, quic]))).toBe('tcp');
});

it('plain TCP is refused beside QUIC, also where it is preferred', async () => {
  const { server, quic } = await serve();
  const plain = await Relay.before(`nnrp://${server.localAddress}`);
  for (const transportPolicy of ['auto', { prefer: 'tcp' }, { force: 'tcp' }, { force: 'quic' }] as const)
    await expect(NnrpClient.connect([quic, plain.address], { tls: { roots }, transportPolicy })).rejects.toThrow(
      /is not encrypted and nnrp\+quic:.* is/,
    );
  expect(plain.count).toBe(0);
});

it('sessions of a QUIC connection that the network cuts go on over TLS', async () => {
  const { server, quic, tcp } = await serve();
  const network = await UdpProxy.before(quic.slice('nnrp+quic://'.length));
  atEnd(() => network.close());
  const client = await connect([`nnrp+quic://${network.address}`, tcp], { pingTimeoutMs: 300 });
  expect(transportOf(client)).toBe('quic');
  const session = await client.openSession();
  const id = session.sessionId;
  expect((await session.request('before')).text()).toBe('before');
  const back = new Promise((resolve) => client.once('resumed', resolve));
  network.dark = true;
  const answer = session.request('in the dark');
  await back;
  expect([transportOf(client), session.sessionId, (await answer).text()]).toEqual(['tcp', id, 'in the dark']);
  expect(server.sessionCount).toBe(1);
});

it('measured, the faster of QUIC and TLS is taken', async () => {
  const { server, quic, tcp } = await serve();
  const slowQuic = await UdpProxy.before(quic.slice('nnrp+quic://'.length), { delayMs: 60 });
  atEnd(() => slowQuic.close());
  const slowTls = await Relay.before(tcp);
  slowTls.delayMs = 100;
  const measured = { measureTransports: true, reconnect: 'never' } as const;
  const overTls = await connect([`nnrp+quic://${slowQuic.address}`, tcp], measured);
  const overQuic = await connect([slowTls.address, quic], measured);
  expect([overTls, overQuic].map(transportOf)).toEqual(['tcp', 'quic']);
  await eventually(() => server.connectionCount === 2, 'the others are gone');
});
