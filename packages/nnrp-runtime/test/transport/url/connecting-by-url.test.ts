import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { NnrpConnectOptions } from '../../../src/client/connect-options.js';
import { NnrpServer } from '../../../src/server/server.js';
import { parseIpcAddress } from '../../../src/transport/ipc/ipc-address.js';
import { registerTransport } from '../../../src/transport/url/registry.js';
import { issue } from '../../support/certificates.js';
import { freePath } from '../ipc/ipc-carrier.js';

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });
const CERTIFIED = { tls: { certificateChain: certificate, privateKey: key } };
const TRUSTING = { tls: { roots: certificate } };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(...given: Parameters<typeof NnrpServer.listen>): Promise<NnrpServer> {
  const server = await NnrpServer.listen(...given);
  ends.push(() => server.close());
  server.serve({ submit: ({ body }) => body });
  return server;
}

async function connect(addresses: string[], config?: NnrpConnectOptions): Promise<NnrpClient> {
  const client = await NnrpClient.connect(addresses, { reconnectBackoffMs: 1, ...config });
  ends.push(() => client.close());
  return client;
}

/** A port on which no process listens. */
async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `nnrp://127.0.0.1:${port}`;
}

/** Takes connections, and says nothing: a TLS handshake with it does not end. */
async function silent(): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `nnrps://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Stands between clients and a server on a Unix domain socket. */
class Relay {
  count = 0;
  /** What it does with connections. */
  mode: 'pass on' | 'be silent' | 'hang up' = 'pass on';
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: string,
  ) {
    server.on('connection', (client) => {
      this.count++;
      if (this.mode === 'hang up') client.destroy();
      if (this.mode !== 'pass on') {
        this.sockets.add(client.on('error', () => {}));
        return;
      }
      const there = createConnection(this.target);
      for (const socket of [client, there]) this.sockets.add(socket.on('error', () => {}));
      client.pipe(there).pipe(client);
    });
    ends.push(() => this.close());
  }

  /** @param path - of its own socket; default a port of TCP */
  static async before(address: string, path?: string): Promise<Relay> {
    const server = createServer();
    if (path === undefined) server.listen(0, '127.0.0.1');
    else server.listen(path);
    await once(server, 'listening');
    return new Relay(server, parseIpcAddress(address).path);
  }

  get address(): string {
    const where = this.server.address() as AddressInfo | string;
    return typeof where === 'string' ? `unix:${where}` : `nnrp://127.0.0.1:${where.port}`;
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  close(): void {
    this.server.close();
    this.cut();
  }
}

describe('a client with several addresses', () => {
  it('takes the first that can be connected to, in their order', async () => {
    const path = `unix:${freePath()}`;
    const server = await serve([path, 'nnrp://127.0.0.1:0']);
    const tcp = `nnrp://${server.endpoints[1]?.localAddress}`;
    const first = await connect([path, tcp]);
    expect(first.remoteAddress).toBe(path);
    const second = await connect([await closedPort(), `unix:${freePath()}`, tcp, path]);
    expect(`nnrp://${second.remoteAddress}`).toBe(tcp);
    expect(second.toJSON()).toMatchObject({ transport: 'tcp' });
    const session = await second.openSession();
    expect((await session.request('hello')).text()).toBe('hello');
  });

  it('names each of them with its reason when none can be connected to', async () => {
    const closed = await closedPort();
    const path = freePath();
    const failing = NnrpClient.connect([closed, `unix:${path}`, `unix:${path}.d/x`]);
    const error = await failing.catch((caught: unknown) => caught);
    const host = closed.slice('nnrp://'.length);
    expect(error).toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage:
        `no address can be connected to: ${closed}: cannot connect to ${host}: nobody listens there (ECONNREFUSED); ` +
        `unix:${path}: cannot connect to unix:${path}: no socket is there (ENOENT); ` +
        `unix:${path}.d/x: cannot connect to unix:${path}.d/x: no socket is there (ENOENT)`,
    });
    expect(((error as Error).cause as AggregateError).errors).toHaveLength(3);
  });

  it('gives each its share of the time, so that a silent one does not use it all', async () => {
    const server = await serve(['nnrps://127.0.0.1:0'], CERTIFIED);
    const addresses = [await silent(), `nnrps://${server.localAddress}`];
    const client = await connect(addresses, { ...TRUSTING, connectTimeoutMs: 2000 });
    expect(client.remoteAddress).toBe(server.localAddress);
  });

  it('names each when none answers, before the time over all is up', async () => {
    const addresses = [await silent(), await silent()];
    const failing = NnrpClient.connect(addresses, { connectTimeoutMs: 400 });
    await expect(failing).rejects.toThrow(
      new RegExp(`no address can be connected to: ${addresses[0]}: .*190 ms.*; ${addresses[1]}: .*190 ms`),
    );
  });

  it('never goes on in plain text where TLS fails', async () => {
    const server = await serve(['nnrps://127.0.0.1:0', 'nnrp://127.0.0.1:0'], CERTIFIED);
    const [sealed, plain] = server.endpoints.map(({ localAddress }) => localAddress);
    for (const addresses of [
      [`nnrps://${sealed}`, `nnrp://${plain}`],
      [`nnrp://${plain}`, `nnrps://${sealed}`],
      [`nnrps://${sealed}`, plain as string],
    ])
      await expect(NnrpClient.connect(addresses, TRUSTING)).rejects.toThrow(
        /is not encrypted and nnrps:.* is: .*expected/,
      );
    await expect(NnrpClient.connect([`nnrps://${sealed}`, `nnrps://${sealed}`])).rejects.toThrow(
      /certificate.*certificate/,
    );
    expect(server.connectionCount).toBe(0);
    // A socket of this machine is no network.
    const client = await connect([`unix:${freePath()}`, `nnrps://${sealed}`], TRUSTING);
    expect(client.remoteAddress).toBe(sealed);
  });

  it('is given up with its signal', async () => {
    const giveUp = new AbortController();
    const asked = vi.fn();
    registerTransport({
      scheme: 'test+stuck',
      isEncrypted: false,
      connector: () => ({
        kind: 'test',
        connect: () => {
          asked();
          giveUp.abort(new Error('changed my mind'));
          return new Promise(() => {});
        },
      }),
    });
    const addresses = ['test+stuck://a:1', 'test+stuck://b:1'];
    await expect(NnrpClient.connect(addresses, { signal: giveUp.signal })).rejects.toThrow('changed my mind');
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it('comes back by the address that it had, by another one when that is gone, and says where it is', async () => {
    const server = await serve([`unix:${freePath()}`]);
    const tcp = await Relay.before(server.localAddress);
    const local = await Relay.before(server.localAddress, freePath());
    const client = await connect([await closedPort(), tcp.address, local.address]);
    const session = await client.openSession();
    const resumed = () =>
      new Promise((resolve) =>
        client.once('resumed', () => resolve([client.toJSON()['transport'], client.remoteAddress])),
      );
    expect([tcp.count, local.count]).toEqual([1, 0]);

    let back = resumed();
    tcp.cut();
    expect(await back).toEqual(['tcp', tcp.address.slice('nnrp://'.length)]);
    expect([tcp.count, local.count]).toEqual([2, 0]);

    back = resumed();
    tcp.close();
    expect(await back).toEqual(['ipc', local.address]);
    expect((await session.request('hello')).text()).toBe('hello');

    back = resumed();
    local.cut();
    expect(await back).toEqual(['ipc', local.address]);
    expect([tcp.count, local.count]).toEqual([2, 2]);
  });

  it.each(['be silent', 'hang up'] as const)('comes back by another one when the first takes to %s', async (mode) => {
    const server = await serve([`unix:${freePath()}`]);
    const [first, second] = [await Relay.before(server.localAddress), await Relay.before(server.localAddress)];
    const client = await connect([first.address, second.address], { openTimeoutMs: 50 });
    const session = await client.openSession();
    const resumed = new Promise((resolve) => client.once('resumed', resolve));
    first.mode = mode;
    first.cut();
    await resumed;
    expect([first.count, second.count]).toEqual([2, 1]);
    expect(client.remoteAddress).toBe(second.address.slice('nnrp://'.length));
    expect((await session.request('hello')).text()).toBe('hello');
  });
});
