import { isNnrpError } from 'nnrp-core';
import type { TlsClientOptions, TlsServerOptions } from 'nnrp-runtime';
import { CommandUsageError } from '../exit-code.js';
import { readSmallFile } from '../files/small-file.js';

/** Files with certificates and a key that the command line names; all of them PEM or DER. */
export interface CertificateFiles {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  /** Where they are named, for messages, such as `server.json: tls.`; default the command line, `--`. */
  readonly named?: string;
  /** How long a pipe is waited for, see {@link readSmallFile}. */
  readonly silenceMs?: number;
}

/** What a server needs of TLS to be one. */
export type ServerIdentity = Pick<TlsServerOptions, 'certificateChain' | 'privateKey'>;
/** Which clients a server takes. */
export type ClientDemands = Pick<TlsServerOptions, 'clientCertificates' | 'clientRoots'>;
/** Which servers a client trusts, and its own certificate. */
export type ClientCredentials = Pick<TlsClientOptions, 'certificateChain' | 'privateKey' | 'roots'>;

const FLAG = '--';
/** What the library says to programs that give it a path; here a path is right. */
const OF_CONTENTS = '; it takes the contents of a file, not its path';

/** Options of the library, and the flags that they come from. */
const FLAGS = { certificateChain: 'cert', privateKey: 'key', clientRoots: 'ca', roots: 'ca' } as const;

/**
 * The certificate of a server and its key; undefined where neither is named.
 *
 * @throws CommandUsageError when a file cannot be read, or not both are named
 */
export function serverIdentity({ cert, key, ...rest }: CertificateFiles): ServerIdentity | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new CommandUsageError('a server certificate needs both --cert and --key');
  }
  return { certificateChain: read('cert', cert, rest), privateKey: read('key', key, rest) };
}

/** With --ca only clients whose certificates lead there. @throws CommandUsageError when the file cannot be read */
export function clientDemands({ ca, ...rest }: CertificateFiles): ClientDemands {
  return ca === undefined ? {} : { clientCertificates: 'require', clientRoots: read('ca', ca, rest) };
}

/**
 * Which servers a client trusts, and its own certificate if it has one.
 *
 * @throws CommandUsageError when a file cannot be read, or only one of certificate and key is named
 */
export function clientCredentials({ cert, key, ca }: CertificateFiles): ClientCredentials {
  if ((cert === undefined) !== (key === undefined)) {
    throw new CommandUsageError('a client certificate needs both --cert and --key');
  }
  return {
    ...(cert !== undefined && { certificateChain: read('cert', cert) }),
    ...(key !== undefined && { privateKey: read('key', key) }),
    ...(ca !== undefined && { roots: read('ca', ca) }),
  };
}

/** What the library says against the contents of a file, with the flag and the file; any other error as it is. */
export function explainFileError(error: unknown, files: CertificateFiles): unknown {
  if (!isNnrpError(error, 'NNRP_ERR_USAGE')) return error;
  const found = /(?:^|[ .])(certificateChain|privateKey|clientRoots|roots): (.*)$/s.exec(error.rawMessage);
  if (found === null) return error;
  const flag = FLAGS[found[1] as keyof typeof FLAGS];
  const file = files[flag];
  return file === undefined
    ? error
    : new CommandUsageError(`${files.named ?? FLAG}${flag} ${file}: ${found[2]?.replace(OF_CONTENTS, '')}`);
}

function read(
  flag: 'cert' | 'key' | 'ca',
  path: string,
  { named = FLAG, silenceMs }: Pick<CertificateFiles, 'named' | 'silenceMs'> = {},
): Uint8Array {
  try {
    return readSmallFile(path, silenceMs);
  } catch (error) {
    throw new CommandUsageError(`${named}${flag} ${path}: cannot be read: ${(error as Error).message}`);
  }
}
