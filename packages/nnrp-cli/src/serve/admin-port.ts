import { type Command, Option } from 'commander';
import type { Admin } from 'nnrp-admin';
import { isNnrpError, type NnrpServer } from 'nnrp-runtime';
import { CommandUsageError } from '../exit-code.js';
import type { FollowedFiles } from '../files/followed-files.js';
import { readSmallFile } from '../files/small-file.js';
import { LOG_LEVELS } from './config/log-level.js';

/** Where operators ask, and what they must bring. */
export interface AdminFlags {
  /** HOST:PORT. */
  readonly admin?: string;
  /** A file that holds the token. */
  readonly adminToken?: string;
  /** /healthz and /readyz need no token. */
  readonly adminOpenProbes?: boolean;
}

/** What errors call them: an option of the command line, or a place in its file. */
export interface AdminNames {
  readonly address: string;
  readonly token: string;
  /** How a token is given where one is needed. */
  readonly tokenHint: string;
  readonly probes: string;
}

/** An operator's port that listens. */
export interface AdminPort {
  readonly address: string;
  /** Where its token is, which is read again when it changes. */
  readonly secrets: FollowedFiles | undefined;
  close(): Promise<void>;
}

/** Adds what operators see of a server: its port for them, and what it logs. */
export function addOperatorOptions(command: Command): Command {
  return command
    .option(
      '--admin <address>',
      'HOST:PORT of the port for operators: an inspector page, /metrics, /healthz and /readyz by HTTP',
    )
    .option(
      '--admin-token <file>',
      'what operators must send as bearer token; needed where others than this machine ask',
    )
    .option('--admin-open-probes', '/healthz and /readyz need no token, for probes from elsewhere')
    .addOption(new Option('--log-level <level>', 'what to write to standard error (default: info)').choices(LOG_LEVELS))
    .option('-q, --quiet', 'the same as --log-level silent');
}

/**
 * Opens the operator's port that the options name; undefined where they name none.
 * @throws CommandUsageError when the options or the file cannot work; TransportError when the address cannot be bound
 */
export async function openAdmin(
  server: NnrpServer,
  flags: AdminFlags,
  names: AdminNames,
): Promise<AdminPort | undefined> {
  const { admin: where, adminToken: file, adminOpenProbes: openProbes = false } = flags;
  if (where === undefined) {
    if (file !== undefined) throw new CommandUsageError('--admin-token is for --admin HOST:PORT, which is not given');
    if (openProbes) throw new CommandUsageError('--admin-open-probes is for --admin HOST:PORT, which is not given');
    return undefined;
  }
  if (openProbes && file === undefined)
    throw new CommandUsageError(`${names.probes} means nothing without a token (${names.tokenHint})`);
  const token = file === undefined ? undefined : tokenOf(file, names);
  const { createAdmin } = await import('nnrp-admin');
  return inFile(names, async () => {
    const admin: Admin = createAdmin(server, { token, openProbes });
    const address = await admin.listen(where);
    const renew = () => inFile(names, () => admin.renewToken(tokenOf(file ?? '', names, 0)));
    const secrets = file === undefined ? undefined : { what: 'the token', files: [file], renew };
    return { address, secrets, close: () => admin.close() };
  });
}

async function inFile<T>(names: AdminNames, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isNnrpError(error, 'NNRP_ERR_USAGE')) throw new CommandUsageError(explained(error.rawMessage, names));
    throw error;
  }
}

/** @param silenceMs - see {@link readSmallFile} */
function tokenOf(file: string, { token }: AdminNames, silenceMs?: number): string {
  try {
    return readSmallFile(file, silenceMs).toString().trim();
  } catch (error) {
    throw new CommandUsageError(`${token}: cannot be read: ${(error as Error).message}`);
  }
}

function explained(text: string, { address, token, tokenHint }: AdminNames): string {
  const ofToken = /^admin options: token (.*)$/.exec(text);
  if (ofToken !== null) return `${token}: it ${ofToken[1]}`;
  return `${address}: ${text.replace(/^admin: /, '')}${text.endsWith('a token') ? ` (${tokenHint})` : ''}`;
}
