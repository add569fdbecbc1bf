import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { AsyncQueue } from '../../nnrp-runtime/src/base/queues/async-queue.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The upgrade request of a client, by hand. @param headers - replace those that are usual; undefined leaves one out */
export function upgradeRequest(path = '/', headers: Readonly<Record<string, string | undefined>> = {}): string {
  const usual: Record<string, string | undefined> = {
    host: '127.0.0.1',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AQIDBAUGBwgJCgsMDQ4PEA==',
    ...headers,
  };
  const lines = Object.entries(usual).filter(([, value]) => value !== undefined);
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** A socket to HOST:PORT or a ws: URL. */
export async function connectTo(address: string): Promise<Socket> {
  const { hostname, port } = new URL(address.includes('://') ? address : `ws://${address}`);
  const socket = createConnection({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** Reads the head of an answer; what comes behind it stays to be read. */
export async function readHead(socket: Socket): Promise<string> {
  let head = Buffer.alloc(0);
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      if (socket.readableEnded || socket.destroyed) return head.toString();
      await Promise.race([once(socket, 'readable'), once(socket, 'end')]).catch(() => {});
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) continue;
    if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
    return head.subarray(0, end).toString();
  }
}

/** An upgraded socket of a client that has sent nothing yet. @throws Error when the server refuses */
export async function dialUpgraded(
  address: string,
  headers: Readonly<Record<string, string | undefined>> = {},
): Promise<Socket> {
  const socket = await connectTo(address);
  const { pathname } = new URL(address.includes('://') ? address : `ws://${address}`);
  socket.write(upgradeRequest(pathname, headers));
  const head = await readHead(socket);
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
  return socket;
}

/** A server of its own that upgrades whatever comes, and hands out the sockets. */
export async function listenUpgraded() {
  const server = createServer();
  const accepted = new AsyncQueue<Socket>();
  server.on('upgrade', (request, socket: Socket, head: Buffer) => {
    const key = createHash('sha1').update(`${request.headers['sec-websocket-key']}${GUID}`).digest('base64');
    const agreed = request.headers['sec-websocket-protocol'] === undefined ? '' : 'Sec-WebSocket-Protocol: nnrp.1\r\n';
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n${agreed}\r\n`,
    );
    if (head.length > 0) socket.unshift(head);
    socket.setNoDelay(true);
    accepted.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { address: `ws://127.0.0.1:${port}/`, accept: () => accepted.next(), close: () => void server.close() };
}
