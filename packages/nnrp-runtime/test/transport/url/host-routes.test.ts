import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClosedError, TransportError } from 'nnrp-core';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { NnrpConnectOptions } from '../../../src/client/connect-options.js';
import { NnrpServer } from '../../../src/server/server.js';
import type { FramedListener, FramedTransport } from '../../../src/transport/contract/contract.js';
import { planHostRoutes } from '../../../src/transport/url/host-routes.js';
import { registerTransport } from '../../../src/transport/url/registry.js';
import { issue } from '../../support/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-routes-'));
const root = await issue({ name: 'CN=root', authority: true, dns: ['app.test'] });
const PROOF = { certificateChain: root.certificate, privateKey: root.key };

const cleanup: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
afterEach(async () => {
  for (const undo of cleanup.splice(1).reverse()) await undo();
});

let sockets = 0;
const socket = () => `unix://${folder}/${++sockets}.sock`;

async function listen(...[endpoint, config]: Parameters<typeof NnrpServer.listen>): Promise<NnrpServer> {
  const server = await NnrpServer.listen(endpoint, { drainTimeoutMs: 0, ...config });
  cleanup.push(() => server.close());
  server.serve({ submit: ({ body }) => body }).catch(() => {});
  return server;
}

/** Connects, has one answer, and says over what. */
async function answered(where: string, config: NnrpConnectOptions = {}): Promise<string> {
  const client = await NnrpClient.connect(where, config);
  cleanup.push(() => client.close());
  const session = await client.openSession();
  expect((await session.request('x')).text()).toBe('x');
  return client.remoteAddress;
}

/** A listener that ends when it is told to. */
class BreakableListener implements FramedListener {
  readonly kind = 'websocket';
  readonly address = 'breakable';
  isClosed = false;
  private end: (reason: Error) => void = () => {};
  private readonly ended = new Promise<never>((_, reject) => {
    this.end = reject;
  });

  break(): void {
    this.end(new TransportError('the cable is cut'));
  }

  accept(): Promise<FramedTransport> {
    return this.ended;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.end(new ClosedError('closed'));
  }
}

describe('the routes to an application', () => {
  it('are listened on together, and the closest is taken by clients', async () => {
    const [tcp, unix] = ['tcp://127.0.0.1:0', socket()];
    const server = await listen('nnrp://app.test', { routes: [tcp, unix] });
    expect(server.endpoints.map(({ kind }) => kind)).toEqual(['ipc', 'tcp']);
    const at = `tcp://${server.endpoints[1]?.localAddress}`;
    expect(await answered('nnrp://app.test', { routes: [at, unix] })).toMatch(/^unix:/);
    expect(await answered('nnrp://app.test', { routes: [at, { transport: 'ipc', locator: unix, rank: 9 }] })).toBe(
      server.endpoints[1]?.localAddress,
    );
    expect(await answered('nnrp://app.test', { routes: [at, unix], transportPolicy: { prefer: 'tcp' } })).toBe(
      server.endpoints[1]?.localAddress,
    );
  });

  it('stand in for each other when one leads nowhere', async () => {
    const server = await listen('nnrp://app.test', { routes: ['tcp://127.0.0.1:0'] });
    const routes = [socket(), `tcp://${server.localAddress}`];
    expect(await answered('nnrp://app.test', { routes })).toBe(server.localAddress);
  });

  it('lead to the authority where they have no locator and it has a port', async () => {
    const server = await listen('nnrp://127.0.0.1:0', { routes: [{ transport: 'tcp' }] });
    expect(await answered(`nnrp://${server.localAddress}`, { routes: [{ transport: 'tcp' }] })).toBe(
      server.localAddress,
    );
    await expect(NnrpClient.connect('nnrp://app.test', { routes: [{ transport: 'tcp' }] })).rejects.toThrow(
      'connect: no route to nnrp://app.test can be taken here: nnrp.transport.tcp.native: route-unresolved',
    );
  });

  it('of nnrps are encrypted, with a certificate for the host of the application', async () => {
    const server = await listen('nnrps://app.test', { routes: ['tcp://127.0.0.1:0'], tls: PROOF });
    const routes = [`tcp://${server.localAddress}`, socket(), 'ws://127.0.0.1:1/nnrp'];
    const tls = { roots: root.certificate };
    expect(await answered('nnrps://app.test', { routes, tls })).toBe(server.localAddress);
    await expect(NnrpClient.connect('nnrps://other.test', { routes, tls })).rejects.toThrow(/app\.test|other\.test/);
    await expect(NnrpClient.connect('nnrps://app.test', { routes: [socket()] })).rejects.toThrow(
      /no route to nnrps:\/\/app\.test can be taken here: unix:.*: security-unsatisfied/,
    );
    await expect(
      NnrpServer.listen('nnrps://app.test', { routes: ['tcp://127.0.0.1:0', socket()], tls: PROOF }),
    ).rejects.toThrow(/not every route to nnrps:\/\/app\.test can be taken here: unix:.*: security-unsatisfied/);
  });

  it('of nnrp may be encrypted beside plain ones', async () => {
    const unix = socket();
    const server = await listen('nnrp://app.test', {
      routes: ['tcp://127.0.0.1:0', unix],
      transports: { tcp: PROOF },
    });
    const tcp = `tcp://${server.endpoints[1]?.localAddress}`;
    const transports = { tcp: { roots: root.certificate, serverName: 'app.test' } };
    expect(await answered('nnrp://app.test', { routes: [tcp], transports })).toBe(server.endpoints[1]?.localAddress);
  });

  it('are told with the first reason against each', () => {
    const { application, routes } = planHostRoutes('nnrps://app.test:4433', [
      'quic://127.0.0.1:1',
      'ws://127.0.0.1:1/nnrp',
      { transport: 'tcp', providerId: 'example.tcp' },
      { transport: 'ipc' },
      'unix:///tmp/x',
      { transport: 'tcp' },
    ]);
    expect([application.host, application.isSecure]).toEqual(['app.test', true]);
    expect(routes.map(({ transport, locator, rejection }) => [transport, locator, rejection])).toEqual([
      ['tcp', 'tcp://app.test:4433', undefined],
      ['quic', 'quic://127.0.0.1:1', 'local-unavailable'],
      ['tcp', 'tcp://app.test:4433', 'local-unavailable'],
      ['ipc', undefined, 'route-unresolved'],
      ['ipc', 'unix:///tmp/x', 'security-unsatisfied'],
      ['websocket', 'ws://127.0.0.1:1/nnrp', expect.any(String)],
    ]);
  });

  it('are bound all or none', async () => {
    const taken = await listen('127.0.0.1:0');
    const unix = socket();
    await expect(
      NnrpServer.listen('nnrp://app.test', { routes: [unix, `tcp://${taken.localAddress}`] }),
    ).rejects.toThrow(/listener 2 of 2.*EADDRINUSE/);
    expect(existsSync(unix.slice('unix://'.length))).toBe(false);
  });

  it('fall together, unless they need not', async () => {
    const broken: BreakableListener[] = [];
    registerTransport({
      scheme: 'ws',
      isEncrypted: false,
      connector: () => ({ kind: 'websocket', connect: () => Promise.reject(new Error('no')) }),
      listener: () => {
        const listener = new BreakableListener();
        broken.push(listener);
        return listener;
      },
    });
    const config = { routes: ['tcp://127.0.0.1:0', 'ws://127.0.0.1:1/nnrp'], drainTimeoutMs: 0 };
    const server = await NnrpServer.listen('nnrp://app.test', config);
    const told: string[] = [];
    server.on('listenerFailed', ({ message }) => told.push(message));
    const serving = server.serve({ submit: ({ body }) => body });
    broken[0]?.break();
    await expect(serving).rejects.toThrow('the cable is cut');
    expect(server.endpoints.map(({ isListening }) => isListening)).toEqual([false, false]);
    expect(told).toEqual([expect.stringContaining('the cable is cut')]);
    await expect(NnrpClient.connect(server.localAddress)).rejects.toThrow(/ECONNREFUSED/);
    await server.close();

    const apart = await listen('nnrp://app.test', { ...config, listenersTogether: false });
    broken[1]?.break();
    await expect.poll(() => apart.endpoints.map(({ isListening }) => isListening)).toEqual([true, false]);
    expect(await answered(apart.localAddress)).toBe(apart.localAddress);
  });

  it.each([
    [[], /routes: expected a list of locators/],
    [['http://x'], /route 1: locator of a route: a route is named by tcp:/],
    [[{ transport: 'udp' }], /route 1: transport takes quic, tcp, ipc or websocket/],
    [[{ transport: 'tcp', locator: 'quic://h:1' }], /quic:\/\/h:1 is a locator of quic, and the route is of tcp/],
    [[{ transport: 'tcp', url: 'tcp://h:1' }], /route 1: there is no option 'url'/],
    [[{ transport: 'tcp', rank: -1 }], /rank takes a whole number from 0/],
    [[{ transport: 'tcp', providerId: '' }], /providerId takes a name/],
    [[null], /route 1: expected a locator or \{ transport, locator \}/],
  ])('%j are refused', async (routes, why) => {
    await expect(NnrpClient.connect('nnrp://app.test', { routes: routes as never })).rejects.toThrow(why);
    await expect(NnrpServer.listen('nnrp://app.test', { routes: routes as never })).rejects.toThrow(why);
  });

  it('are none when they are undefined: the addresses are plain ones, for every other option', async () => {
    const server = await listen('nnrp://127.0.0.1:0', { routes: undefined, listenersTogether: undefined });
    const where = `nnrp://${server.localAddress}`;
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    for (const others of [{}, { logger }, { transportPolicy: undefined, tls: undefined, transports: undefined }])
      expect(await answered(where, { routes: undefined, ...others })).toBe(server.localAddress);
    const wrong = { routes: undefined, keepAliveM: 1 } as NnrpConnectOptions;
    await expect(NnrpClient.connect(where, wrong)).rejects.toThrow(/no option 'keepAliveM'/);
    await expect(NnrpClient.connect(where, 5 as never)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('lead to one application that has a name', async () => {
    const routes = ['tcp://127.0.0.1:1'];
    await expect(NnrpClient.connect(['nnrp://a', 'nnrp://b'], { routes })).rejects.toThrow(
      'connect: routes lead to one application',
    );
    await expect(NnrpServer.listen('tcp://a', { routes })).rejects.toThrow(
      'an application is named by nnrp:// or nnrps://',
    );
  });
});
