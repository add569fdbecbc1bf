import { shownPlain, UsageError } from 'nnrp-core';
import { readOptions } from '../../base/options.js';
import type { IpcAddress } from './ipc-address.js';

/** What a listener of Unix domain sockets or named pipes can be told. */
export interface IpcServerOptions {
  /**
   * Permissions of the socket file; a client needs the right to write. They hold from the first moment on: a process that they
   * keep out cannot connect at any time. Abstract sockets have none, so `mode` is refused there, and named pipes are for their own
   * user alone. Default 0o600: this user, and root.
   */
  readonly mode?: number | undefined;
}

const DEFAULT_MODE = 0o600;
const ALL = 0o777;
const OF_OTHERS = 0o077;

const OPTIONS: ReadonlySet<string> = new Set<keyof IpcServerOptions>(['mode']);

/** The permissions of the file. @throws UsageError on an option that does not exist or cannot work */
export function ipcMode({ kind }: IpcAddress, options: IpcServerOptions): number {
  const { mode } = readOptions('IPC options', options, OPTIONS);
  if (mode === undefined) return DEFAULT_MODE;
  if (!Number.isInteger(mode) || mode < 0 || mode > ALL)
    throw new UsageError(`mode: expected permissions of 0 to 0o777, such as 0o660, got ${shownPlain(mode)}`);
  if (kind === 'abstract')
    throw new UsageError('mode: an abstract socket has no file: every process of its network namespace may connect');
  if (kind === 'pipe' && (mode & OF_OTHERS) !== 0)
    throw new UsageError(`mode: a named pipe is for its own user, as with 0o600, got 0o${mode.toString(8)}`);
  return mode;
}
