import { createServer, type Server, type Socket } from 'node:net';
import { type Guarded, listen } from '../../base/guard.js';
import { nodeCluster } from '../../base/node-modules.js';
import { warn } from '../../base/warn.js';
import { formatAddress, type HostPort } from '../address/address.js';
import type { AcceptQueue } from '../listening/accept-queue.js';
import { listenFailure } from '../listening/listen-failure.js';

/** Asks the other end's system for a sign of life when nothing has come: a host that is gone is found by it. */
export const KEEP_ALIVE = Object.freeze({ keepAlive: true, keepAliveInitialDelay: 30_000 });

/** Asked for when something has failed: node:cluster is no small module, and few processes are workers of one. */
function isClusterWorker(): boolean {
  return nodeCluster().isWorker;
}

/**
 * Opens the socket that TCP and TLS listen on.
 *
 * @returns it, and HOST:PORT with the port it got
 * @throws TransportError (as a rejection) when the address cannot be bound
 */
export function listenOnTcp({ host, port }: HostPort): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer({ noDelay: true, allowHalfOpen: true, ...KEEP_ALIVE });
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      const inCluster = isClusterWorker() ? ', in a worker of a cluster' : '';
      reject(listenFailure(host, port, error, inCluster));
    };
    const owner: Guarded = { crashed: (error) => failed(error as Error) };
    // Once it listens, the promise has resolved, and the listener is told of errors.
    listen(owner, server, 'error', failed);
    server.listen(port, host, () => {
      const bound = server.address();
      const address = bound === null || typeof bound === 'string' ? host : formatAddress(bound.address, bound.port);
      resolve({ server, address });
    });
  });
}

/**
 * Takes the connections of a listening socket. A connection that could not be taken says nothing about the next one:
 * accept(2) reports errors of single connections, and the want of descriptors or memory, which passes.
 */
export function takeConnections(server: Server, waiting: AcceptQueue, take: (socket: Socket) => void): void {
  const owner: Guarded = {
    crashed: (error) => warn('a connection was lost to an internal error of the listener', error),
  };
  listen(owner, server, 'connection', (socket: Socket) => {
    try {
      take(socket);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  });
  listen(owner, server, 'error', (error: Error) => {
    if (server.listening) waiting.missed(error);
    else waiting.fail(error);
  });
  // A server that its own close() has ended has been told to; any other end is the end of the listener.
  listen(owner, server, 'close', () => waiting.fail(new Error('it does not listen any more')));
}
