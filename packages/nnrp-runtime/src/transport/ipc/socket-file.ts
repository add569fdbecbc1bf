import { type BigIntStats, chmodSync, existsSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { isNnrpError, TransportError } from 'nnrp-core';
import { type Guarded, listen } from '../../base/guard.js';

/** Permissions that let a process connect. */
const MAY_CONNECT = 0o222;
const ALL = 0o777;

/** A socket file as the file system knows it; another one with its name is another one. */
export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino'>;

/**
 * Binds so that the socket file has no permission beyond `mode` from the moment that it exists. The umask of the process is
 * what a new file is made with, and for the length of this call it is as strict as the mode; a file that another thread makes in
 * the same moment gets stricter permissions, never wider ones.
 *
 * @param bind - makes the file before it returns, unless `isOthers`
 * @param isOthers - another process makes the file, which is the primary of a cluster
 * @throws TransportError where the umask cannot be set and is wider than the mode
 */
export function bindStrictly(mode: number, isOthers: boolean, bind: () => unknown): void {
  if (!isMainThread || isOthers) {
    refuseGap(mode, isOthers ? 'a worker of a cluster' : 'a worker thread');
    bind();
    return;
  }
  const before = process.umask(ALL);
  try {
    process.umask(before | (ALL & ~mode));
    bind();
  } finally {
    process.umask(before);
  }
}

/** Exactly this mode, once the file is known to be one's own: the umask may have kept something back. */
export function setMode(path: string, mode: number): void {
  chmodSync(path, mode);
}

function refuseGap(mode: number, where: string): void {
  const umask = process.umask();
  if ((ALL & ~umask & MAY_CONNECT & ~mode) === 0) return;
  const octal = umask.toString(8).padStart(3, '0');
  throw new TransportError(
    `mode 0o${mode.toString(8)} cannot be kept: ${where} cannot set the umask, which is ${octal}, and others could connect ` +
      'before the mode is set; start the process with a stricter umask, such as 077',
    { isRetryable: false },
  );
}

/** @returns undefined when there is nothing of the name */
export function identityOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/**
 * Removes the socket file of a process that is gone. One that was replaced meanwhile stays.
 *
 * @throws TransportError (as a rejection) when a process listens there, what is there is no socket, or nothing can be known
 */
export async function removeStale(path: string): Promise<void> {
  const found = identityOf(path);
  if (found === undefined) return;
  if (!found.isSocket()) throw new TransportError(`what is there is no socket, but ${sortOf(found)}`);
  if (!(await isDeserted(path))) throw new TransportError('another process listens there');
  const now = identityOf(path);
  // The number alone may be given to a new file at once.
  const isSame = now?.ino === found.ino && now.dev === found.dev && now.ctimeNs === found.ctimeNs;
  if (isSame) unlinkSync(path);
}

/** Whether a connection is refused: then the process of the socket is gone, or does not listen any more. */
function isDeserted(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    const owner: Guarded = { crashed: reject };
    listen(owner, socket, 'connect', () => {
      socket.destroy();
      resolve(false);
    });
    listen(owner, socket, 'error', (error: NodeJS.ErrnoException) => {
      const { code } = error;
      // A listener that has no room for one more is there.
      if (code === 'EAGAIN') resolve(false);
      else if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(true);
      else reject(new TransportError(`whether a process listens there cannot be known: ${error.message}`));
    });
  });
}

/**
 * Closes a server and removes its socket file. Node removes whatever has the name, so a file that another server has put there
 * since is out of the way for that moment.
 */
export function closeWithFile(server: Server, path: string, own: FileIdentity | undefined): void {
  const found = identityOf(path);
  const isForeign = found !== undefined && (found.ino !== own?.ino || found.dev !== own.dev);
  const aside = `${path}.${process.pid}`;
  // Where no name can be changed, Node cannot remove one either.
  const isAside = isForeign && attempted(() => renameSync(path, aside));
  server.close();
  if (isAside) renameSync(aside, path);
  // Some runtimes leave the file.
  else if (found !== undefined && !isForeign) attempted(() => unlinkSync(path));
}

function attempted(change: () => void): boolean {
  try {
    change();
    return true;
  } catch {
    return false;
  }
}

/** Why a socket cannot listen. */
export function describeListenFailure(path: string, error: unknown): string {
  if (isNnrpError(error)) return error.rawMessage;
  const { code, message } = error as NodeJS.ErrnoException;
  // The system calls both the same.
  if (code === 'EACCES' || code === 'ENOENT') {
    const folder = dirname(path);
    return existsSync(folder)
      ? `no permission to make a file in ${folder} (${code})`
      : `there is no directory ${folder}`;
  }
  return code === 'EADDRINUSE' ? 'another process listens there' : message;
}

function sortOf(file: BigIntStats): string {
  if (file.isDirectory()) return 'a directory';
  return file.isSymbolicLink() ? 'a symbolic link' : 'a file';
}
