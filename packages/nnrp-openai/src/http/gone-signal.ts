import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What is to be told when a connection is over. One listener of a connection, however many requests have come over it. */
const WAITING = new WeakMap<Socket, Set<() => void>>();

/**
 * Aborts when the client goes before its answer is whole. A request that was sent behind another one has its response without a
 * connection until that is answered, and no close of its own: the connection itself is followed.
 */
export function goneSignal({ socket }: IncomingMessage, response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const waiting = waitingFor(socket);
  const left = () => {
    waiting.delete(left);
    response.off('close', left).off('finish', finished);
    if (!response.writableFinished) controller.abort(new Error('the client of HTTP has gone'));
  };
  const finished = () => {
    waiting.delete(left);
  };
  waiting.add(left);
  response.on('close', left).on('finish', finished);
  if (socket.destroyed) left();
  return controller.signal;
}

function waitingFor(socket: Socket): Set<() => void> {
  const known = WAITING.get(socket);
  if (known !== undefined) return known;
  const waiting = new Set<() => void>();
  WAITING.set(socket, waiting);
  socket.once('close', () => {
    for (const tell of waiting) tell();
  });
  return waiting;
}
