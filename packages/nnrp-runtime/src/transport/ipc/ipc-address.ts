import { resolve } from 'node:path';
import { printable, shownValue, UsageError } from 'nnrp-core';

/** Where processes of one machine meet. */
export interface IpcAddress {
  /** A socket file, a name without a file (Linux), or a pipe (Windows). */
  readonly kind: 'file' | 'abstract' | 'pipe';
  /** As node:net takes it. */
  readonly path: string;
  /** As messages show it, and as it can be given again: `unix:/run/nnrp.sock`, `unix:@nnrp`, `npipe://nnrp`. */
  readonly text: string;
}

/** What the system keeps of the name of a socket, in bytes; the last one of a path is 0. */
const LINUX_NAME_BYTES = 108;
const OTHER_NAME_BYTES = 104;
/** `\\.\pipe\NAME` has 256 characters at most. */
const MAX_PIPE_CHARACTERS = 256;
const PIPES = '\\\\.\\pipe\\';
const PIPE = /^(?:npipe:(?:\/\/)?)?[\\/]{2}[.?][\\/]pipe[\\/](.*)$/is;
const PIPE_URL = /^npipe:\/\/(.*)$/is;

const EXPECTED = 'expected the path of a socket such as /run/nnrp.sock, with or without unix: in front';

/**
 * Reads the address of a socket: a path; `@name` or `\0name` for an abstract socket of Linux, so that a file whose name begins
 * with @ is `./@name`; on Windows `\\.\pipe\name` or `npipe://name`. A relative path is meant from the working directory of now.
 *
 * @throws UsageError that says what was expected
 */
export function parseIpcAddress(address: string, platform: NodeJS.Platform = process.platform): IpcAddress {
  if (typeof address !== 'string') throw new UsageError(`address: ${EXPECTED}, got ${shownValue(address)}`);
  const name = (PIPE.exec(address) ?? PIPE_URL.exec(address))?.[1];
  if (name !== undefined) return pipe(name, address, platform);
  if (/^npipe:/i.test(address)) throw wrong(address, 'expected a named pipe such as npipe://nnrp or \\\\.\\pipe\\nnrp');
  const path = withoutScheme(address);
  if (path === '') throw wrong(address, EXPECTED);
  if (platform === 'win32')
    throw wrong(address, 'expected a named pipe such as \\\\.\\pipe\\nnrp: Node has no Unix domain sockets on Windows');
  return path.startsWith('@') || path.startsWith('\0')
    ? abstract(path, address, platform)
    : file(path, address, platform);
}

/** `unix:/path` and `unix:///path` are the same. */
function withoutScheme(address: string): string {
  const path = address.replace(/^unix:/i, '');
  if (path === address || !path.startsWith('//')) return path;
  if (!path.startsWith('///')) throw wrong(address, 'expected unix:/path or unix:///path: a socket has no host');
  return path.slice(2);
}

function file(given: string, address: string, platform: NodeJS.Platform): IpcAddress {
  if (given.includes('\0')) throw wrong(address, 'expected a path without a NUL character');
  if (given.endsWith('/')) throw wrong(address, 'expected the path of a socket, which does not end with a slash');
  const path = resolve(given);
  // One that is longer would be cut short by some systems, without a word.
  checkLength(path, (platform === 'linux' || platform === 'android' ? LINUX_NAME_BYTES : OTHER_NAME_BYTES) - 1);
  return { kind: 'file', path, text: `unix:${path}` };
}

function abstract(given: string, address: string, platform: NodeJS.Platform): IpcAddress {
  const name = given.slice(1);
  if (platform !== 'linux' && platform !== 'android')
    throw wrong(address, 'abstract sockets are there on Linux only: expected the path of a socket');
  if (name === '' || name.includes('\0')) throw wrong(address, 'expected a name behind the @ of an abstract socket');
  checkLength(name, LINUX_NAME_BYTES - 1);
  return { kind: 'abstract', path: `\0${name}`, text: `unix:@${name}` };
}

function pipe(given: string, address: string, platform: NodeJS.Platform): IpcAddress {
  if (platform !== 'win32')
    throw wrong(address, 'named pipes are there on Windows only: expected the path of a socket such as /run/nnrp.sock');
  const name = given.replaceAll('/', '\\');
  const path = PIPES + name;
  if (name === '' || name.includes('\0')) throw wrong(address, 'expected the name of a pipe behind \\\\.\\pipe\\');
  if (path.length > MAX_PIPE_CHARACTERS)
    throw wrong(address, `expected at most ${MAX_PIPE_CHARACTERS} characters, with \\\\.\\pipe\\ in front`);
  return { kind: 'pipe', path, text: `npipe://${name.replaceAll('\\', '/')}` };
}

function checkLength(name: string, most: number): void {
  const bytes = Buffer.byteLength(name);
  if (bytes <= most) return;
  throw wrong(name, `the system takes at most ${most} bytes for the name of a socket, these are ${bytes}`);
}

function wrong(address: string, why: string): UsageError {
  return new UsageError(`address: ${why}, got '${printable(address, 300)}'`);
}
