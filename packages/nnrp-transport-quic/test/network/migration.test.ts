import { setTimeout as passing } from 'node:timers/promises';
import { NnrpClient, NnrpServer, type OperationContext } from 'nnrp-runtime';
import { TcpConnector, TcpListener, TlsConnector, TlsListener } from 'nnrp-runtime/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { QuicConnector } from '../../src/quic-connector.js';
import { QuicFramedListener } from '../../src/quic-listener.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';
import { until } from '../support/until.js';

const ANY_PORT = '127.0.0.1:0';
const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost(ANY_PORT);
const roots = certificate.certificateDer;
const tls = { certificateChain: certificate.certificateDer, privateKey: certificate.privateKeyPkcs8Der };
const STREAMS = 64;

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** One server on TCP, TLS and QUIC whose streams count until they are told to stop. */
async function everywhere() {
  const handled = new Map<string, number>();
  const events: string[] = [];
  const state = { isGoing: true };
  const server = await NnrpServer.listenOn(
    [
      (options) => TcpListener.bind(ANY_PORT, options),
      (options) => TlsListener.bind(ANY_PORT, tls, options),
      (options) => QuicFramedListener.bind(config, options),
    ],
    { drainTimeoutMs: 0, deadlines: false, maxInFlightOperations: STREAMS, grantedOperationCredit: STREAMS },
  );
  for (const name of ['protocolViolation', 'internalError', 'connectionLost', 'sessionExpired'] as const)
    server.on(name, (event: object) => events.push(`${name} ${JSON.stringify(event)}`));
  server
    .serve({
      async *submit(operation: OperationContext) {
        const id = operation.text();
        handled.set(id, (handled.get(id) ?? 0) + 1);
        let number = 0;
        while (state.isGoing) {
          yield `${number++} ${'-'.repeat(number % 700)}`;
          await passing(1 + (number % 4));
        }
        return `last ${number}`;
      },
    })
    .catch(() => {});
  cleanup.push(() => server.close());
  const [tcpAddress = '', tlsAddress = '', quicAddress = ''] = server.endpoints.map(({ localAddress }) => localAddress);
  const ways = {
    tcp: () => new TcpConnector(tcpAddress),
    tls: () => new TlsConnector(tlsAddress, { roots }),
    quic: () => new QuicConnector(quicAddress, { roots }),
  };
  return { server, handled, events, state, ways };
}

/** @returns what is wrong with a stream that counts, or that it is whole */
async function counted(results: AsyncIterable<{ readonly partial: boolean; text(): string }>): Promise<string> {
  let next = 0;
  let last = '';
  for await (const result of results) {
    const text = result.text();
    if (!result.partial) last = text;
    else if (text.startsWith(`${next} `)) next++;
    else return `expected ${next}, got ${text}`;
  }
  return last === `last ${next}` && next > 0 ? 'whole' : `${next} partials, and ${last}`;
}

describe('one server on TCP, TLS and QUIC', () => {
  it('says where it listens, and serves all of them', async () => {
    const { server, state, ways } = await everywhere();
    state.isGoing = false;
    expect(server.endpoints.map(({ kind }) => kind)).toEqual(['tcp', 'tcp', 'quic']);
    for (const connector of [ways.tcp(), ways.tls(), ways.quic()]) {
      const client = await NnrpClient.connect(connector);
      const session = await client.openSession();
      expect((await session.request('x')).text()).toBe('last 0');
      await client.close();
    }
    await until(() => server.connectionCount === 0, 'no connection is left');
    expect(server.stats().quicConnections).toBeDefined();
  });

  it('lets a client go from TCP to QUIC to TLS to QUIC to TCP with 64 streams running', async () => {
    const { server, handled, events, state, ways } = await everywhere();
    const client = await NnrpClient.connect(ways.tcp());
    cleanup.push(() => client.close({ drainTimeoutMs: 0 }));
    const told: string[] = [];
    for (const name of ['suspended', 'resumed', 'lost', 'internalError', 'protocolViolation'] as const)
      client.on(name, () => void told.push(name));
    const session = await client.openSession({ maxInFlightOperations: STREAMS });
    const ids = Array.from({ length: STREAMS }, (_, number) => `${number}`);
    const operations = await Promise.all(ids.map((id) => session.submit(id)));
    const reading = operations.map(counted);
    const went: string[] = [];
    for (const connector of [ways.quic(), ways.tls(), ways.quic(), ways.tcp()]) {
      await passing(50);
      const { from, to, sessions } = await client.migrate(connector);
      went.push(`${from.transport} ${to.transport} ${sessions}`);
    }
    await passing(50);
    state.isGoing = false;
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['whole']));
    expect(went).toEqual(['tcp quic 1', 'quic tcp 1', 'tcp quic 1', 'quic tcp 1']);
    expect([...handled.values()].filter((times) => times !== 1)).toEqual([]);
    expect(handled.size).toBe(STREAMS);
    // Each move was asked for: no connection counts as lost.
    expect([events, told]).toEqual([[], []]);
    await until(() => server.connectionCount === 1, 'one connection is left');
    expect(server.sessionCount).toBe(1);
  });

  it('stays where it is when there is no QUIC to be had', async () => {
    const { server, state, ways } = await everywhere();
    const client = await NnrpClient.connect(ways.tcp());
    cleanup.push(() => client.close({ drainTimeoutMs: 0 }));
    const session = await client.openSession();
    const reading = counted(await session.submit('x'));
    const nowhere = new QuicConnector('127.0.0.1:9', { roots }, { connectTimeoutMs: 300 });
    await expect(client.migrate(nowhere)).rejects.toMatchObject({
      message: expect.stringContaining('migrate: no connection came about'),
    });
    await passing(20);
    state.isGoing = false;
    expect(await reading).toBe('whole');
    expect([client.remoteAddress, server.connectionCount]).toEqual([server.localAddress, 1]);
  });
});
