import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { aside, type Guarded, listen } from 'nnrp-runtime/transport';

/** Milliseconds that a peer has to take the answer. */
const ANSWER_MS = 1000;

/** Why an upgrade is refused. */
export interface Refusal {
  readonly status: number;
  /** For the peer and for the server's `onHandshakeFailure`. */
  readonly text: string;
  /** Lines of the answer that this status needs. */
  readonly headers?: readonly string[];
}

/** Answers an upgrade with a status, and ends the connection. */
export function refuse(owner: Guarded, socket: Socket, { status, text, headers = [] }: Refusal): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${text}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  // What else it has sent is dropped: left unread, it would cut off the answer.
  socket.resume();
  const timer = aside(owner, ANSWER_MS, () => socket.destroy());
  listen(owner, socket, 'end', () => socket.destroySoon());
  listen(owner, socket, 'close', () => clearTimeout(timer));
}
