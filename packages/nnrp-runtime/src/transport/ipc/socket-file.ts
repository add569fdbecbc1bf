import { type BigIntStats, chmodSync, linkSync, lstatSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { isNnrpError, TransportError } from 'nnrp-core';
import { type Guarded, later, listen } from '../../base/guard.js';

/** Permissions that let a process connect. */
const MAY_CONNECT = 0o222;
const ALL = 0o777;
/** A socket that a process has bound and is about to listen on looks deserted: so it is looked at again, in milliseconds. */
const BINDING_MS = 250;
/** Names that this process has given to files that are out of the way. */
let asides = 0;

/** A socket file as the file system knows it; another one with its name is another one. */
export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino' | 'mtimeNs'>;

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

/**
 * Exactly this mode: the umask may have kept something back.
 *
 * @returns what the file is known by from now on; undefined when the socket is not there any more
 */
export function setMode(path: string, mode: number): FileIdentity | undefined {
  const made = identityOf(path);
  if (made === undefined || !made.isSocket()) return undefined;
  if ((Number(made.mode) & ALL) !== mode) chmodSync(path, mode);
  return made;
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
 * @returns false when a process listens there; else the name may be free by now
 * @throws TransportError (as a rejection) when what is there is no socket, nothing can be known, or it cannot be removed
 */
export async function removeStale(path: string): Promise<boolean> {
  const found = identityOf(path);
  if (found === undefined) return true;
  if (!found.isSocket()) throw new TransportError(`what is there is no socket, but ${sortOf(found)}`);
  if (!(await isDeserted(path))) return false;
  await new Promise<void>((resolve, reject) => later({ crashed: reject }, BINDING_MS, resolve));
  if (!(await isDeserted(path))) return false;
  if (isSame(identityOf(path), found)) removeIfSame(path, found);
  return true;
}

/**
 * Removes a socket file, if it is this one. Another process may have replaced it in between, so the file first gets a name that no
 * other process uses; it gets its own name back when it is another one.
 *
 * @throws TransportError when it cannot be removed
 */
export function removeIfSame(path: string, found: FileIdentity): void {
  const aside = nameAside(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Another process has removed it.
    if (code === 'ENOENT') return;
    const why = code === 'EPERM' || code === 'EACCES' ? `this user may not remove it (${code})` : message;
    throw new TransportError(`the socket file of a process that is gone is there: ${why}`, { cause: error });
  }
  if (isSame(identityOf(aside), found)) unlinkSync(aside);
  else putBack(aside, path);
}

/** The number alone may be given to a new file at once. Neither a new name nor a new mode changes the time. */
function isSame(one: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return one?.ino === other?.ino && one?.dev === other?.dev && one?.mtimeNs === other?.mtimeNs;
}

/** Short, because the system bounds the length of the name of a socket. */
function nameAside(path: string): string {
  return join(dirname(path), `.${process.pid.toString(36)}${(asides++).toString(36)}`);
}

/** Never in the place of what has the name by now. */
function putBack(aside: string, path: string): void {
  if (attempted(() => linkSync(aside, path)) || !isMissing(path)) attempted(() => unlinkSync(aside));
  // The file of another user cannot be linked everywhere, and a directory nowhere.
  else attempted(() => renameSync(aside, path));
}

/** Whether a connection is refused: the process of the socket is gone, or does not listen any more, or not yet. */
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
      else
        reject(
          new TransportError(`the socket file of another process is there, which cannot be asked: ${error.message}`),
        );
    });
  });
}

/**
 * Closes a server and removes its socket file. Node removes whatever has the name, so a file that another server has put there
 * since is out of the way for that moment.
 */
export function closeWithFile(server: Server, path: string, own: FileIdentity | undefined): void {
  let found: FileIdentity | undefined;
  // In a directory that cannot be searched any more nothing can be removed either.
  attempted(() => {
    found = identityOf(path);
  });
  const isForeign = found !== undefined && !isSame(found, own);
  const aside = nameAside(path);
  // Where no name can be changed, Node cannot remove one either.
  const isAside = isForeign && attempted(() => renameSync(path, aside));
  server.close();
  if (isAside) putBack(aside, path);
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
  const folder = dirname(path);
  switch (code) {
    // libuv calls a directory that is missing EACCES, too.
    case 'EACCES':
    case 'ENOENT':
      return isMissing(folder)
        ? `there is no directory ${folder}`
        : `no permission to make a file in ${folder} (EACCES): it has to be a directory that this user may write and search`;
    case 'ENOTDIR':
      return `${folder} is no directory`;
    case 'EADDRINUSE':
      return 'another process listens there, or another server of this one, as in another thread: each needs a path of its own';
    default:
      return message;
  }
}

/** Whether it is known that something else has the name, also through a symbolic link. */
export function isNoSocket(path: string): boolean {
  let isOther = false;
  attempted(() => {
    isOther = statSync(path).isSocket() === false;
  });
  return isOther;
}

/** Whether it is known that nothing has the name. */
function isMissing(path: string): boolean {
  let found: unknown = path;
  attempted(() => {
    found = statSync(path, { throwIfNoEntry: false });
  });
  return found === undefined;
}

function sortOf(file: BigIntStats): string {
  if (file.isDirectory()) return 'a directory';
  return file.isSymbolicLink() ? 'a symbolic link' : 'a file';
}
