import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const sockets: Socket[] = [];

/** Ends the connections of `raw`. */
export function endSockets(): void {
  for (const socket of sockets.splice(0)) socket.destroy();
}

export const ASKED = { model: 'small-1', messages: [{ role: 'user' as const, content: 'hello' }] };
export const JSON_TYPE = { 'content-type': 'application/json' };

/** What came back. */
export interface Posted {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { readonly error: Record<string, unknown> };
}

export async function post(
  baseUrl: string,
  body: string | Uint8Array,
  headers: Record<string, string> = JSON_TYPE,
  path = '/chat/completions',
): Promise<Posted> {
  const response = await fetch(`${baseUrl}${path}`, { method: 'POST', body: body as string, headers });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as { error: Record<string, unknown> },
  };
}

/** A connection that says these bytes; what comes back until it ends. */
export function raw(baseUrl: string, bytes: string): { socket: Socket; said: Promise<string> } {
  const { port, hostname } = new URL(baseUrl);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on('error', () => {});
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  socket.write(bytes);
  return { socket, said: once(socket, 'close').then(() => text) };
}
