import { readFileSync } from 'node:fs';
import type { Admin } from 'nnrp-admin';
import { isNnrpError, type NnrpServer } from 'nnrp-runtime';
import { CommandUsageError } from '../exit-code.js';

/** Where operators ask, and what they must bring. */
export interface AdminFlags {
  /** HOST:PORT. */
  readonly admin?: string;
  /** A file that holds the token. */
  readonly adminToken?: string;
}

/** An operator's port that listens. */
export interface AdminPort {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Opens the operator's port that the options name; undefined where they name none.
 * @throws CommandUsageError when the options or the file cannot work; TransportError when the address cannot be bound
 */
export async function openAdmin(server: NnrpServer, flags: AdminFlags): Promise<AdminPort | undefined> {
  const { admin: where, adminToken: file } = flags;
  if (where === undefined) {
    if (file !== undefined) throw new CommandUsageError('--admin-token is for --admin HOST:PORT, which is not given');
    return undefined;
  }
  const token = file === undefined ? undefined : tokenOf(file);
  const { createAdmin } = await import('nnrp-admin');
  try {
    const admin: Admin = createAdmin(server, { token });
    return { address: await admin.listen(where), close: () => admin.close() };
  } catch (error) {
    if (isNnrpError(error, 'NNRP_ERR_USAGE')) throw new CommandUsageError(explained(error.rawMessage, where, file));
    throw error;
  }
}

function tokenOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CommandUsageError(`--admin-token ${file}: cannot be read: ${(error as Error).message}`);
  }
}

function explained(text: string, where: string, file: string | undefined): string {
  const ofToken = /^admin options: token (.*)$/.exec(text);
  if (ofToken !== null) return `--admin-token ${file}: it ${ofToken[1]}`;
  return `--admin ${where}: ${text.replace(/^admin: /, '')}${text.endsWith('a token') ? ' (--admin-token FILE)' : ''}`;
}
