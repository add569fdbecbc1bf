import { X509Certificate } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWithoutWaiting, readOpenedFile } from '../files/small-file.js';

/*
 * How `nnrp submit --quic` gets to trust the self-signed certificate of `nnrp serve --quic`: the server leaves the
 * certificate, which is no secret, in a folder that only its user can write to, under its port. A program that cannot
 * write there cannot make itself trusted, and one that takes the port over does not have the key.
 */

/** The hosts that a self-signed certificate is for. */
export const LOCAL_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/** A certificate that a server of this user and machine has left. */
export interface LocalCertificate {
  readonly path: string;
  readonly pem: string;
}

/** A certificate that this process has left; it is taken away when the process exits, or sooner. */
export interface LeftCertificate {
  readonly path: string;
  remove(): void;
}

const NAME = /^quic-(\d+)-(\d+)\.pem$/;
const OF_OTHERS = 0o077;
const userId = process.getuid?.();
const folder = join(tmpdir(), userId === undefined ? 'nnrp' : `nnrp-${userId}`);

/**
 * Leaves the certificate of a server at a port for clients of this user.
 *
 * @throws an error that names the folder when it cannot be used, or others could write there
 */
export function leaveCertificate(port: number, certificateDer: Uint8Array): LeftCertificate {
  const path = join(folder, `quic-${port}-${process.pid}.pem`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    checkOwner(folder, lstatSync(folder));
    for (const left of leftFor(port)) if (!left.alive) rmSync(left.path);
    rmSync(path, { force: true });
    writeFileSync(path, new X509Certificate(certificateDer).toString(), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`the certificate cannot be left for clients: ${why}; or give --cert and --key`, { cause: error });
  }
  const remove = () => {
    process.off('exit', remove);
    rmSync(path, { force: true });
  };
  process.once('exit', remove);
  return { path, remove };
}

/**
 * The certificates that servers at a port have left and that are still running: one, or several at several addresses.
 *
 * @throws an error that names the folder or the file when others could have written it
 */
export function localCertificates(port: number): readonly LocalCertificate[] {
  try {
    checkOwner(folder, lstatSync(folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return leftFor(port).flatMap(({ path, alive }) => (alive ? readCertificate(path) : []));
}

function readCertificate(path: string): LocalCertificate[] {
  let file: number;
  try {
    file = openWithoutWaiting(path, constants.O_NOFOLLOW ?? 0);
  } catch (error) {
    // The server has ended just now.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    checkOwner(path, fstatSync(file));
    return [{ path, pem: readOpenedFile(file).toString() }];
  } finally {
    closeSync(file);
  }
}

/** What has been left for a port, and whether the server that has left it is there. */
function leftFor(port: number): { path: string; alive: boolean }[] {
  return readdirSync(folder).flatMap((name) => {
    const [, itsPort, processId] = NAME.exec(name) ?? [];
    return Number(itsPort) === port ? [{ path: join(folder, name), alive: isAlive(Number(processId)) }] : [];
  });
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Windows knows no such modes; there the folder for temporary files is the user's own. */
function checkOwner(path: string, { uid, mode }: Stats): void {
  if (userId === undefined || (uid === userId && (mode & OF_OTHERS) === 0)) return;
  throw new Error(`${path} is open to other users, or belongs to one: remove it`);
}
