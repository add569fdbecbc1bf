import { dirname, resolve } from 'node:path';
import { printable, shownValue, shownWord } from 'nnrp-core';
import { LOG_LEVELS, type LogLevel } from './log-level.js';

/** Certificates that a file names. Paths are absolute: in the file they are relative to it. */
export interface FileCertificates {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** One address of a file. */
export interface FileListener {
  readonly address: string;
  /** Instead of those of the whole file. */
  readonly tls?: FileCertificates;
}

/** The operators' port of a file. */
export interface FileAdmin {
  /** HOST:PORT. */
  readonly address: string;
  /** Path of a file with the token. */
  readonly token?: string;
  /** /healthz and /readyz need none. */
  readonly openProbes?: boolean;
}

/** What a file says of the command, beside the options of the server. */
export interface CommandOptions {
  readonly listeners?: readonly FileListener[];
  readonly tls?: FileCertificates;
  readonly logLevel?: LogLevel;
  readonly module?: string;
  readonly reload?: boolean;
  readonly handler?: 'echo' | 'tokens';
  readonly admin?: FileAdmin;
}

/** Throws; is given what is wrong, beginning with a colon, or with a part of the value. */
type Fail = (message: string) => never;
type Readers = { readonly [Name in keyof CommandOptions]-?: (value: unknown, folder: string, fail: Fail) => unknown };

const HANDLERS = ['echo', 'tokens'];
const MAX_KEY_BYTES = 100;

const READERS: Readers = {
  listeners: readListeners,
  tls: readCertificates,
  logLevel: (value, _, fail) => oneOf(value, LOG_LEVELS, fail),
  module: readPath,
  reload: (value, _, fail) => readTruth(value, fail),
  handler: (value, _, fail) => oneOf(value, HANDLERS, fail),
  admin: readAdmin,
};

/** Names of what a file may say of the command, in camelCase. */
export const COMMAND_OPTIONS: readonly string[] = Object.keys(READERS);

/**
 * @param name - one of {@link COMMAND_OPTIONS}
 * @param file - path of the file, which others in it are relative to
 * @throws what `fail` throws
 */
export function readCommandOption(name: string, value: unknown, file: string, fail: Fail): unknown {
  return READERS[name as keyof CommandOptions](value, dirname(resolve(file)), fail);
}

function readListeners(value: unknown, folder: string, fail: Fail): FileListener[] {
  if (!Array.isArray(value) || value.length === 0)
    return fail(`: expected a list of addresses, got ${shownValue(value)}`);
  return value.map((entry, index) => readListener(entry, folder, (message) => fail(`[${index}]${message}`)));
}

function readListener(entry: unknown, folder: string, fail: Fail): FileListener {
  if (typeof entry === 'string') return { address: entry };
  const { address, tls } = readObject(entry, ['address', 'tls'], fail, 'an address, or an object of address and tls');
  if (typeof address !== 'string')
    return fail(
      `.address: expected HOST:PORT or a URL, ${address === undefined ? 'it is missing' : `got ${shownValue(address)}`}`,
    );
  if (tls === undefined) return { address };
  return { address, tls: readCertificates(tls, folder, (message) => fail(`.tls${message}`)) };
}

function readAdmin(value: unknown, folder: string, fail: Fail): FileAdmin {
  const names = ['address', 'token', 'open_probes'];
  const { address, token, open_probes } = readObject(value, names, fail, 'an object of address and token');
  if (typeof address !== 'string')
    return fail(
      `.address: expected HOST:PORT, ${address === undefined ? 'it is missing' : `got ${shownValue(address)}`}`,
    );
  return {
    address,
    ...(token !== undefined && { token: readPath(token, folder, (message) => fail(`.token${message}`)) }),
    ...(open_probes !== undefined && {
      openProbes: readTruth(open_probes, (message) => fail(`.open_probes${message}`)),
    }),
  };
}

function readCertificates(value: unknown, folder: string, fail: Fail): FileCertificates {
  const names = ['cert', 'key', 'ca'];
  const given = readObject(value, names, fail, 'an object of cert, key and ca');
  const lacks = given['cert'] === undefined ? 'cert' : given['key'] === undefined ? 'key' : undefined;
  if (lacks !== undefined) return fail(`.${lacks}: is missing: a server certificate needs both cert and key`);
  return Object.fromEntries(
    Object.entries(given).map(([name, path]) => [
      name,
      readPath(path, folder, (message) => fail(`.${name}${message}`)),
    ]),
  );
}

function readObject(value: unknown, names: readonly string[], fail: Fail, expected: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail(`: expected ${expected}, got ${shownValue(value)}`);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined)
    return fail(`.${printable(unknown, MAX_KEY_BYTES)}: there is no such field; there are ${names.join(', ')}`);
  return value as Record<string, unknown>;
}

function readTruth(value: unknown, fail: Fail): boolean {
  return typeof value === 'boolean' ? value : fail(`: expected true or false, got ${shownValue(value)}`);
}

function readPath(value: unknown, folder: string, fail: Fail): string {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return resolve(folder, value);
  return fail(`: expected the path of a file, got ${shownValue(value)}`);
}

function oneOf(value: unknown, known: readonly string[], fail: Fail): string {
  if (typeof value === 'string' && known.includes(value)) return value;
  return fail(`: expected one of ${known.join(', ')}, got ${shownWord(value)}`);
}
