import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { NnrpConnectOptions } from '../../../src/client/connect-options.js';
import { NnrpServer } from '../../../src/server/server.js';
import { parseIpcAddress } from '../../../src/transport/ipc/ipc-address.js';
import { issue } from '../../support/certificates.js';

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });
export const CERTIFIED = { tls: { certificateChain: certificate, privateKey: key } };
export const TRUSTING = { tls: { roots: certificate } };

/** Of a packet: its header, and where that says how long the rest is. */
const [HEADER_BYTES, LENGTHS_AT] = [40, 12];

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Runs when the test is over, the last one first. */
export function atEnd(end: () => unknown): void {
  ends.push(end);
}

export async function serve(...given: Parameters<typeof NnrpServer.listen>): Promise<NnrpServer> {
  const server = await NnrpServer.listen(...given);
  atEnd(() => server.close());
  server.serve({ submit: ({ body }) => body });
  return server;
}

export async function connect(addresses: string | string[], config?: NnrpConnectOptions): Promise<NnrpClient> {
  const client = await NnrpClient.connect(addresses, { reconnectBackoffMs: 1, ...config });
  atEnd(() => client.close());
  return client;
}

/** A port on which no process listens. */
export async function closedPort(scheme = 'nnrp'): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `${scheme}://127.0.0.1:${port}`;
}

/** Takes connections, and says nothing: a TLS handshake with it does not end. */
export async function silent(): Promise<string> {
  const relay = await Relay.before('nnrps://127.0.0.1:1');
  relay.mode = 'be silent';
  return relay.address;
}

/** Stands between clients and a server on a Unix domain socket, or on a port. */
export class Relay {
  /** Connections so far. */
  count = 0;
  /** How often the server has said something. */
  answers = 0;
  /** Milliseconds that everything takes on its way to the server. */
  delayMs = 0;
  /** What it does with connections. */
  mode:
    | 'pass on'
    | 'be silent'
    | 'hang up'
    | 'hang up when spoken to'
    | 'speak HTTP'
    | 'speak half NNRP'
    | 'declare too much' = 'pass on';
  /** The ends of clients that are there. */
  readonly clients = new Set<Socket>();
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly scheme: string,
    private readonly target: { readonly path: string } | { readonly host: string; readonly port: number },
  ) {
    server.on('connection', (client) => this.connected(client));
    atEnd(() => this.close());
  }

  /** @param path - of its own socket; default a port of TCP */
  static async before(address: string, path?: string): Promise<Relay> {
    const [, scheme = 'nnrp', host = '', port = ''] = /^(\w+):\/\/(.*):(\d+)$/.exec(address) ?? [];
    const target = host === '' ? { path: parseIpcAddress(address).path } : { host, port: Number(port) };
    const server = createServer();
    if (path === undefined) server.listen(0, '127.0.0.1');
    else server.listen(path);
    await once(server, 'listening');
    return new Relay(server, scheme, target);
  }

  get address(): string {
    const where = this.server.address() as AddressInfo | string;
    return typeof where === 'string' ? `unix:${where}` : `${this.scheme}://127.0.0.1:${where.port}`;
  }

  /** As a client says where it is. */
  get remoteAddress(): string {
    return this.address.slice(this.scheme.length + '://'.length);
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  close(): void {
    this.server.close();
    this.cut();
  }

  private connected(client: Socket): void {
    this.count++;
    this.clients.add(client);
    this.sockets.add(client);
    client.on('error', () => {}).on('close', () => this.clients.delete(client));
    if (this.mode === 'hang up') client.destroy();
    if (this.mode === 'speak HTTP') client.resume().write('HTTP/1.1 400 Bad Request\r\n\r\n');
    if (this.mode === 'speak half NNRP') client.resume().write(Buffer.concat([Buffer.from('NNRP'), Buffer.alloc(60)]));
    if (this.mode === 'declare too much') {
      client.once('data', (question: Buffer) => {
        const head = Buffer.from(question.subarray(0, HEADER_BYTES));
        client.resume().write(head.fill(0x7f, LENGTHS_AT, LENGTHS_AT + 8));
      });
    }
    // What is not read would hide the end of the connection.
    if (this.mode === 'be silent') client.resume();
    if (this.mode === 'hang up when spoken to') client.once('data', () => client.destroy());
    if (this.mode !== 'pass on') return;
    const there = createConnection(this.target).on('error', () => {});
    this.sockets.add(there);
    there.pipe(client).on('close', () => there.destroy());
    there.on('close', () => client.destroy());
    there.on('data', () => this.answers++);
    client.on('data', (bytes) => {
      if (this.delayMs === 0) there.write(bytes);
      else setTimeout(() => there.write(bytes), this.delayMs);
    });
    client.on('end', () => setTimeout(() => there.end(), this.delayMs));
  }
}
