import { resolve } from 'node:path';
import { printable, shownAddress, shownValue, UsageError } from 'nnrp-core';

/** Where processes of one machine meet. */
export interface IpcAddress {
  /** A socket file, a name without a file (Linux), or a pipe (Windows). */
  readonly kind: 'file' | 'abstract' | 'pipe';
  /** As node:net takes it. */
  readonly path: string;
  /** The URL, as messages show it and as it can be given again: `unix:/run/nnrp.sock`, `unix:@nnrp`, `npipe://nnrp`. */
  readonly text: string;
}

/** What the system keeps of the name of a socket, in bytes; the last one of a path is 0. */
const LINUX_NAME_BYTES = 108;
const OTHER_NAME_BYTES = 104;
/** `\\.\pipe\NAME` has 256 characters at most. */
const MAX_PIPE_CHARACTERS = 256;
const PIPES = '\\\\.\\pipe\\';
const PIPE = /^[\\/]{2}[.?][\\/]pipe[\\/](.*)$/is;
const PIPE_URL = /^npipe:\/\/(?:[\\/]{2}[.?][\\/]pipe[\\/])?(.*)$/is;
/** What a URL has for other purposes than a path, what ends it in a text, and what does not show. */
const ESCAPED = /[%?#\s\p{Cc}]/gu;

const EXPECTED = 'expected the path of a socket such as /run/nnrp.sock, with or without unix: in front';

/**
 * Reads the address of a socket: a path as it is; `@name` or `\0name` for an abstract socket of Linux, so that a file whose name
 * begins with @ is `./@name`; on Windows `\\.\pipe\name`. With `unix:` or `npipe://` in front it is a URL, and percent signs in it
 * are decoded. A relative path is meant from the working directory of now.
 *
 * @throws UsageError that says what was expected
 */
export function parseIpcAddress(address: string, platform: NodeJS.Platform = process.platform): IpcAddress {
  if (typeof address !== 'string') throw new UsageError(`address: ${EXPECTED}, got ${shownValue(address)}`);
  const name = PIPE.exec(address)?.[1] ?? pipeOfUrl(address);
  if (name !== undefined) return pipe(name, address, platform);
  const path = pathOf(address);
  if (path === '') throw wrong(address, EXPECTED);
  if (platform === 'win32')
    throw wrong(address, 'expected a named pipe such as \\\\.\\pipe\\nnrp: Node has no Unix domain sockets on Windows');
  return path.startsWith('@') || path.startsWith('\0')
    ? abstract(path, address, platform)
    : file(path, address, platform);
}

function pipeOfUrl(address: string): string | undefined {
  if (!/^npipe:/i.test(address)) return undefined;
  const name = PIPE_URL.exec(address)?.[1];
  if (name === undefined) throw wrong(address, 'expected a named pipe such as npipe://nnrp or \\\\.\\pipe\\nnrp');
  return decoded(name, address);
}

/** `unix:/path` and `unix:///path` are the same. */
function pathOf(address: string): string {
  if (!/^unix:/i.test(address)) return address;
  const path = decoded(address.slice('unix:'.length), address);
  if (!path.startsWith('//')) return path;
  if (!path.startsWith('///'))
    throw new UsageError(
      `address: expected unix:/path or unix:///path: a socket has no host, got ${shownAddress(address)}`,
    );
  return path.slice(2);
}

function decoded(path: string, address: string): string {
  const mark = /[?#]/.exec(path)?.[0];
  if (mark !== undefined) {
    // What comes behind it may be a secret.
    const shown = `${address.slice(0, address.indexOf(mark))}…`;
    throw wrong(shown, `expected no query and no fragment: in a path, ${mark} is written ${encodeURIComponent(mark)}`);
  }
  try {
    return decodeURIComponent(path);
  } catch {
    throw wrong(address, 'expected two hexadecimal digits behind each %, of UTF-8: % itself is written %25');
  }
}

function encoded(path: string): string {
  return path.replace(ESCAPED, encodeURIComponent);
}

function file(given: string, address: string, platform: NodeJS.Platform): IpcAddress {
  if (given.includes('\0')) throw wrong(address, 'expected a path without a NUL character');
  if (given.endsWith('/')) throw wrong(address, 'expected the path of a socket, which does not end with a slash');
  const path = resolve(given);
  // One that is longer would be cut short by some systems, without a word.
  checkLength(path, (platform === 'linux' || platform === 'android' ? LINUX_NAME_BYTES : OTHER_NAME_BYTES) - 1);
  return { kind: 'file', path, text: `unix:${encoded(path)}` };
}

function abstract(given: string, address: string, platform: NodeJS.Platform): IpcAddress {
  const name = given.slice(1);
  if (platform !== 'linux' && platform !== 'android')
    throw wrong(address, 'abstract sockets are there on Linux only: expected the path of a socket');
  if (name === '' || name.includes('\0')) throw wrong(address, 'expected a name behind the @ of an abstract socket');
  checkLength(name, LINUX_NAME_BYTES - 1);
  return { kind: 'abstract', path: `\0${name}`, text: `unix:@${encoded(name)}` };
}

function pipe(given: string, address: string, platform: NodeJS.Platform): IpcAddress {
  if (platform !== 'win32')
    throw wrong(address, 'named pipes are there on Windows only: expected the path of a socket such as /run/nnrp.sock');
  const name = given.replaceAll('/', '\\');
  const path = PIPES + name;
  if (name === '' || name.includes('\0')) throw wrong(address, 'expected the name of a pipe behind \\\\.\\pipe\\');
  if (path.length > MAX_PIPE_CHARACTERS)
    throw wrong(address, `expected at most ${MAX_PIPE_CHARACTERS} characters, with \\\\.\\pipe\\ in front`);
  return { kind: 'pipe', path, text: `npipe://${encoded(name.replaceAll('\\', '/'))}` };
}

function checkLength(name: string, most: number): void {
  const bytes = Buffer.byteLength(name);
  if (bytes <= most) return;
  throw wrong(name, `the system takes at most ${most} bytes for the name of a socket, these are ${bytes}`);
}

function wrong(address: string, why: string): UsageError {
  return new UsageError(`address: ${why}, got '${printable(address, 300)}'`);
}
