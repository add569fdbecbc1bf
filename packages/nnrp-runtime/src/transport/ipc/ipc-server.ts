import { createServer, type Server } from 'node:net';
import { isNnrpError, TransportError } from 'nnrp-core';
import { type Guarded, listen } from '../../base/guard.js';
import { nodeCluster } from '../../base/node-modules.js';
import type { IpcAddress } from './ipc-address.js';
import {
  bindStrictly,
  closeWithFile,
  describeListenFailure,
  type FileIdentity,
  removeStale,
  setMode,
} from './socket-file.js';

/** Others may take the name each time that a stale file has gone. */
const ATTEMPTS = 5;
/** Connections that wait in the system: one too many is refused at once, where TCP would ask again. */
const BACKLOG = 4096;

/** A server that listens, and its file where it has one. */
interface Listening {
  readonly server: Server;
  readonly file: FileIdentity | undefined;
}

/** A server that listens, and its end. */
export interface IpcServer {
  readonly server: Server;
  /** Takes no more connections; the socket file is gone then. */
  close(): unknown;
}

/**
 * Listens. The socket file of a process that is gone is replaced; that of a process which lives is not.
 *
 * @throws TransportError (as a rejection) when the address cannot be bound
 */
export async function listenOnIpc(address: IpcAddress, mode: number): Promise<IpcServer> {
  const { kind, path, text } = address;
  // The primary has the socket, for all workers that listen there, and its file.
  const isOthers = nodeCluster().isWorker;
  try {
    const { server, file } = await listenWherePossible(address, mode, isOthers);
    if (kind !== 'file' || isOthers) return { server, close: () => server.close() };
    return { server, close: () => closeWithFile(server, path, file) };
  } catch (error) {
    const why = describeListenFailure(path, error);
    throw new TransportError(`cannot listen on ${text}: ${why}`, { cause: error, isRetryable: false });
  }
}

async function listenWherePossible(address: IpcAddress, mode: number, isOthers: boolean): Promise<Listening> {
  // Another worker of the cluster may have the socket by now; then the primary shares it.
  let mayBeShared = isOthers;
  for (let attempt = 1; ; attempt++) {
    try {
      const listening = await listenOnce(address, mode, isOthers);
      if (listening !== undefined) return listening;
      // Another process may have moved it for a moment, to see whether it is the stale one that it has found.
      if (attempt === ATTEMPTS) throw new TransportError('its file was removed at once, each time');
    } catch (error) {
      const isTaken = !isNnrpError(error) && (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || address.kind !== 'file' || attempt === ATTEMPTS) throw error;
      if (await removeStale(address.path)) continue;
      if (!mayBeShared) throw error;
      mayBeShared = false;
    }
  }
}

/** @returns resolves with undefined when its file was gone as soon as it listened: it does not listen then */
function listenOnce({ kind, path }: IpcAddress, mode: number, isOthers: boolean): Promise<Listening | undefined> {
  const server = createServer({ allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    const end = () => {
      // Its file was replaced at once, or cannot be known: what has the name may be of another server.
      if (kind === 'file' && server.listening && !isOthers) closeWithFile(server, path, undefined);
      else server.close();
    };
    const failed = (error: unknown) => {
      reject(error);
      end();
    };
    const owner: Guarded = { crashed: failed };
    // Once it listens, the promise has resolved, and the listener is told of errors.
    listen(owner, server, 'error', failed);
    const bind = () => server.listen({ path, backlog: BACKLOG });
    listen(owner, server, 'listening', () => {
      const file = kind === 'file' ? setMode(path, mode) : undefined;
      const isGone = kind === 'file' && file === undefined;
      if (isGone) end();
      resolve(isGone ? undefined : { server, file });
    });
    if (kind === 'file') bindStrictly(mode, isOthers, bind);
    else bind();
  });
}
