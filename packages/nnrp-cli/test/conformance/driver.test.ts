import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { NnrpClient } from 'nnrp-runtime';
import { QuicConnector } from 'nnrp-transport-quic';
import { afterEach, describe, expect, it } from 'vitest';
import { CliProcess, nnrp } from '../cli-process.js';
import { endAsClient, serveSession, startAsClient, startAsServer } from './suite-sessions.js';
import { acceptWebSocket, SuitePeer, streamLine, suiteClose, T } from './suite-wire.js';

interface Route {
  readonly transport: 'tcp' | 'quic' | 'ipc' | 'websocket';
  readonly provider_id?: string;
  readonly locator: string;
  readonly mode?: string;
  readonly injected_failures?: readonly string[];
}

interface Result {
  readonly id: string;
  readonly outcome: string;
  readonly terminal: string;
  readonly message?: string;
  readonly route_evidence: {
    readonly candidates: readonly { readonly selected: boolean; readonly rejection_reason?: string }[];
    readonly listeners: readonly object[];
    readonly accepted_sessions: readonly object[];
    readonly atomic_rollback: boolean;
    readonly logical_set_closed: boolean;
    readonly terminal_failure?: string;
  };
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** The driver at work on one scenario, as the runner starts it. */
async function driven(
  name: string,
  role: 'client' | 'server',
  terminal: string,
  routes: readonly Route[],
  scheme = 'nnrp',
) {
  const folder = await mkdtemp(join(tmpdir(), 'nnrp-driver-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const id = `wire.host-route.${name}`;
  const scenario = (locator: (route: Route, index: number) => string) => ({
    id,
    mode: role === 'client' ? 'suite_as_server' : 'suite_as_client',
    host_route: {
      role,
      platform: 'native',
      application_endpoint: `${scheme}://host-route.test`,
      routes: routes.map((route, index) => ({
        transport: route.transport,
        provider_id: route.provider_id ?? `nnrp.transport.${route.transport}.native`,
        locator: locator(route, index),
        security: { mode: route.mode ?? 'plain', credential_owner: 'none' },
        ...(route.injected_failures && { injected_failures: route.injected_failures }),
      })),
    },
    status: 'mandatory',
    feature: 'host.routes',
    required_capabilities: ['host.routes'],
    description: 'as the suite says',
    steps: [{ action: 'connect_routes', timeout_ms: 2000 }],
    expect: { terminal, route: {} },
  });
  const file = (path: string) => join(folder, path);
  await writeFile(
    file('scenario.json'),
    JSON.stringify(scenario(({ transport }, index) => `suite://allocate/${transport}/r${index}`)),
  );
  await writeFile(file('resolved-scenario.json'), JSON.stringify(scenario(({ locator }) => locator)));
  if (routes.some(({ mode = 'plain' }) => mode !== 'plain')) {
    const { certificate, key } = await identity();
    await writeFile(file('server.der'), certificate.raw);
    await writeFile(file('server-key.der'), key.export({ type: 'pkcs8', format: 'der' }));
  }
  const driver = new CliProcess('bin.js', [
    'conformance-driver',
    ...['--scenario', file('scenario.json'), '--resolved-scenario', file('resolved-scenario.json')],
    ...['--output', file('result.json'), '--ready-output', file('ready.json'), '--artifacts', folder],
    ...['--suite-version', '0.1.0', '--target-name', 'ours'],
  ]);
  /** What the ready file says, once it is there. */
  const ready = async (): Promise<{ readonly listeners: readonly { transport: string; bound_endpoint: string }[] }> => {
    for (;;) {
      const text = await readFile(file('ready.json'), 'utf8').catch(() => '');
      if (text !== '') return JSON.parse(text);
      await sleep(20);
    }
  };
  const result = async (): Promise<Result> => {
    expect(await driver.ended).toMatchObject({ code: 0, stderr: '' });
    const report = JSON.parse(await readFile(file('result.json'), 'utf8'));
    expect(report).toMatchObject({ protocol_version: 'nnrp-1-preview4', suite_version: '0.1.0', target_name: 'ours' });
    expect(report.results).toHaveLength(1);
    expect(report.results[0]).toMatchObject({ id, outcome: 'passed', terminal });
    return report.results[0];
  };
  return { folder, ready, result };
}

let made:
  | {
      readonly certificate: X509Certificate;
      readonly key: ReturnType<typeof createPrivateKey>;
      readonly pem: [string, string];
    }
  | undefined;
async function identity() {
  if (made !== undefined) return made;
  const folder = await mkdtemp(join(tmpdir(), 'nnrp-driver-cert-'));
  const [cert, key] = [join(folder, 'c.pem'), join(folder, 'k.pem')];
  expect(await nnrp(['cert', '--cert', cert, '--key', key])).toMatchObject({ code: 0 });
  const pem: [string, string] = [await readFile(cert, 'utf8'), await readFile(key, 'utf8')];
  await rm(folder, { recursive: true });
  made = { certificate: new X509Certificate(pem[0]), key: createPrivateKey(pem[1]), pem };
  return made;
}

/** The suite as server: counts sessions. */
async function listening(
  where: number | string,
  line: (socket: Socket) => Promise<SuitePeer> | SuitePeer,
  serve = serveSession,
) {
  const seen = { sessions: 0 };
  const served = async (socket: Socket) => {
    await serve(await line(socket));
    seen.sessions++;
  };
  const server: Server = createServer((socket) => void served(socket).catch(() => {}));
  const place = typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where };
  await new Promise<void>((resolve) => server.listen(place, resolve));
  ends.push(() => server.close());
  const address = server.address();
  return { seen, port: typeof address === 'object' ? (address?.port ?? 0) : 0 };
}

const overStream = (socket: Socket) => new SuitePeer(streamLine(socket));
const overWebSocket = async (socket: Socket) => new SuitePeer((await acceptWebSocket(socket)).line);
const socketPath = () => join(tmpdir(), `nnrp-route-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);

describe('nnrp conformance-driver as a client', () => {
  it('takes one of several routes', async () => {
    const path = socketPath();
    const tcp = await listening(0, overStream);
    const ipc = await listening(path, overStream);
    const { result } = await driven('client.multi-route', 'client', 'success', [
      { transport: 'tcp', locator: `tcp://127.0.0.1:${tcp.port}` },
      { transport: 'ipc', locator: `unix://${path}` },
    ]);
    const { route_evidence } = await result();
    expect(route_evidence).toMatchObject({
      application_endpoint: 'nnrp://host-route.test',
      candidates: [
        { transport: 'tcp', requested_locator: 'suite://allocate/tcp/r0', locator_resolved: true, selected: false },
        { transport: 'ipc', requested_locator: 'suite://allocate/ipc/r1', security_satisfied: true, selected: true },
      ],
      accepted_sessions: [{ transport: 'ipc', provider_id: 'nnrp.transport.ipc.native', active_transport: 'ipc' }],
      atomic_rollback: false,
      logical_set_closed: false,
    });
    expect([tcp.seen.sessions, ipc.seen.sessions]).toEqual([0, 1]);
  });

  it('has had its session though the suite goes away before it answers the close', async () => {
    const { port } = await listening(0, overStream, async (peer) => {
      await startAsServer(peer);
      await peer.get(T.close);
      peer.end();
    });
    const routes = [{ transport: 'tcp', locator: `tcp://127.0.0.1:${port}` }] as const;
    const { result } = await driven('client.multi-route', 'client', 'success', routes);
    expect((await result()).route_evidence.accepted_sessions).toMatchObject([{ active_transport: 'tcp' }]);
  });

  it.each([
    ['client.unresolved-no-fallback', 'nnrp', ['route_unresolved'], 'route-unresolved', [false, true]],
    ['client.security-no-fallback', 'nnrps', ['security_incompatible'], 'security-unsatisfied', [true, false]],
    [
      'client.rejection-precedence',
      'nnrps',
      ['route_unresolved', 'security_incompatible'],
      'route-unresolved',
      [false, false],
    ],
  ])(
    '%s: connects nowhere',
    async (name, scheme, injected_failures, rejection_reason, [locator_resolved, security_satisfied]) => {
      const tcp = await listening(0, overStream);
      const locator = `tcp://127.0.0.1:${tcp.port}`;
      const { result } = await driven(
        name,
        'client',
        'error',
        [{ transport: 'tcp', locator, injected_failures }],
        scheme,
      );
      const { route_evidence } = await result();
      expect(route_evidence.candidates).toMatchObject([
        { selected: false, rejection_reason, locator_resolved, security_satisfied },
      ]);
      expect(route_evidence.accepted_sessions).toEqual([]);
      expect(tcp.seen.sessions).toBe(0);
    },
  );

  it('calls no provider that is not installed', async () => {
    const { result } = await driven('client.known-uninstalled', 'client', 'error', [
      {
        transport: 'quic',
        provider_id: 'example.transport.quic.uninstalled',
        locator: 'quic://127.0.0.1:0',
        mode: 'tls_server_auth',
      },
    ]);
    expect((await result()).route_evidence.candidates).toMatchObject([{ rejection_reason: 'local-unavailable' }]);
  });

  it('speaks WebSocket', async () => {
    const { seen, port } = await listening(0, overWebSocket);
    const locator = `ws://localhost:${port}/nnrp`;
    const { result } = await driven('native.websocket-client', 'client', 'success', [
      { transport: 'websocket', locator },
    ]);
    expect((await result()).route_evidence.candidates).toMatchObject([{ selected: true }]);
    expect(seen.sessions).toBe(1);
  });

  it('speaks WebSocket over TLS, and trusts what the suite has left', async () => {
    const [cert, key] = (await identity()).pem;
    let sessions = 0;
    const server = createTlsServer({ cert, key }, (socket) => {
      void overWebSocket(socket)
        .then(serveSession)
        .then(
          () => sessions++,
          () => {},
        );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => server.close());
    const locator = `wss://localhost:${(server.address() as { port: number }).port}/nnrp`;
    const route: Route = { transport: 'websocket', locator, mode: 'wss' };
    const { result } = await driven('native.websocket-wss-client', 'client', 'success', [route], 'nnrps');
    expect((await result()).route_evidence.candidates).toMatchObject([{ selected: true, security_satisfied: true }]);
    expect(sessions).toBe(1);
  });
});

async function session(socket: Socket): Promise<void> {
  if (socket.connecting)
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const peer = overStream(socket);
  await endAsClient(peer, suiteClose(await startAsClient(peer), 0));
}

const isDead = (socket: Socket) =>
  new Promise<boolean>((resolve) => socket.once('connect', () => resolve(false)).once('error', () => resolve(true)));

const portOf = (endpoint: string) => Number(/:(\d+)$/.exec(endpoint)?.[1]);

describe('nnrp conformance-driver as a server', () => {
  it('listens on all routes, and serves a session on each', async () => {
    const path = socketPath();
    const { ready, result } = await driven('server.multi-listener', 'server', 'success', [
      { transport: 'tcp', locator: 'tcp://127.0.0.1:0' },
      { transport: 'ipc', locator: `unix://${path}` },
    ]);
    const { listeners } = await ready();
    expect(listeners.map(({ transport }) => transport)).toEqual(['tcp', 'ipc']);
    expect(listeners[1]?.bound_endpoint).toBe(`unix://${path}`);
    await session(createConnection(portOf(listeners[0]!.bound_endpoint), '127.0.0.1'));
    await session(createConnection(path));
    const { route_evidence } = await result();
    expect(route_evidence).toMatchObject({
      listeners: [
        { transport: 'tcp', requested_locator: 'suite://allocate/tcp/r0', state: 'accepted' },
        { transport: 'ipc', state: 'accepted', bound_endpoint: `unix://${path}` },
      ],
      accepted_sessions: [{ active_transport: 'tcp' }, { active_transport: 'ipc' }],
      atomic_rollback: false,
      logical_set_closed: false,
    });
    expect(route_evidence).not.toHaveProperty('terminal_failure');
  });

  it('knows by which route a session has come though another connection came later', async () => {
    const path = socketPath();
    const { ready, result } = await driven('server.multi-listener', 'server', 'success', [
      { transport: 'tcp', locator: 'tcp://127.0.0.1:0' },
      { transport: 'ipc', locator: `unix://${path}` },
    ]);
    const { listeners } = await ready();
    const tcp = createConnection(portOf(listeners[0]!.bound_endpoint), '127.0.0.1');
    const ipc = createConnection(path);
    await session(tcp);
    await session(ipc);
    expect((await result()).route_evidence.accepted_sessions).toMatchObject([
      { active_transport: 'tcp' },
      { active_transport: 'ipc' },
    ]);
  });

  it('gives up what it has bound when one cannot be bound', async () => {
    const path = socketPath();
    const { result } = await driven('server.atomic-bind-rollback', 'server', 'error', [
      { transport: 'ipc', locator: `unix://${path}` },
      { transport: 'tcp', locator: 'tcp://127.0.0.1:0', injected_failures: ['bind_failure'] },
    ]);
    expect((await result()).route_evidence).toMatchObject({
      listeners: [
        { transport: 'ipc', state: 'rolled_back' },
        { transport: 'tcp', state: 'failed' },
      ],
      accepted_sessions: [],
      atomic_rollback: true,
      logical_set_closed: true,
    });
    expect(await isDead(createConnection(path))).toBe(true);
  });

  it('closes all when one has failed', async () => {
    const path = socketPath();
    const { ready, result } = await driven('server.terminal-listener-failure', 'server', 'error', [
      { transport: 'ipc', locator: `unix://${path}` },
      { transport: 'tcp', locator: 'tcp://127.0.0.1:0', injected_failures: ['terminal_listener_failure'] },
    ]);
    expect((await ready()).listeners).toHaveLength(2);
    expect((await result()).route_evidence).toMatchObject({
      listeners: [
        { transport: 'ipc', state: 'closed' },
        { transport: 'tcp', state: 'failed' },
      ],
      logical_set_closed: true,
      atomic_rollback: false,
      terminal_failure: 'nnrp.transport.tcp.native',
    });
    expect(await isDead(createConnection(path))).toBe(true);
  });

  it('serves TLS and QUIC with the certificate of the suite', async () => {
    const route: Route = { transport: 'tcp', locator: 'tcp://127.0.0.1:0', mode: 'tls_server_auth' };
    const quic: Route = { transport: 'quic', locator: 'quic://127.0.0.1:0', mode: 'tls_server_auth' };
    const { ready, result } = await driven('native.security-matrix', 'server', 'success', [route, quic], 'nnrps');
    const { listeners } = await ready();
    const [ca] = (await identity()).pem;
    const socket = connectTls({
      port: portOf(listeners[0]!.bound_endpoint),
      host: '127.0.0.1',
      ca,
      servername: 'localhost',
    });
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    const peer = overStream(socket);
    await endAsClient(peer, suiteClose(await startAsClient(peer), 0));
    // There is no QUIC in Node.js: this one client is ours.
    const connector = new QuicConnector(`127.0.0.1:${portOf(listeners[1]!.bound_endpoint)}`, {
      roots: ca,
      serverName: 'localhost',
      alpn: false,
    });
    const client = await NnrpClient.connect(connector, { revision: 'preview4', reconnect: 'never' });
    await (await client.openSession()).close();
    await client.close();
    expect((await result()).route_evidence.accepted_sessions).toMatchObject([
      { transport: 'tcp' },
      { transport: 'quic' },
    ]);
  });
});
