import { readFileSync } from 'node:fs';
import { isNnrpError, type TlsClientOptions, type TlsServerOptions } from 'nnrp-runtime';
import { CommandUsageError } from './exit-code.js';

/** Options of the command line that name the files of a TLS connection; all of them PEM or DER. */
export interface TlsFiles {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly ca?: string;
}

/** Options of the library and the options of the command line they come from. */
const FLAGS = [
  ['certificateChain', 'tlsCert', '--tls-cert'],
  ['privateKey', 'tlsKey', '--tls-key'],
  ['clientRoots', 'ca', '--ca'],
  ['roots', 'ca', '--ca'],
] as const;

/**
 * How a server speaks TLS; with --ca it takes only clients whose certificates lead there.
 *
 * @returns undefined when no file is named: no TLS
 * @throws CommandUsageError when a file is missing, or only one of certificate and key is named
 */
export function tlsServerFiles({ tlsCert, tlsKey, ca }: TlsFiles): TlsServerOptions | undefined {
  if (tlsCert === undefined && tlsKey === undefined && ca === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new CommandUsageError('a server with TLS needs both --tls-cert and --tls-key');
  }
  return {
    certificateChain: read('--tls-cert', tlsCert),
    privateKey: read('--tls-key', tlsKey),
    ...(ca !== undefined && { clientCertificates: 'require', clientRoots: read('--ca', ca) }),
  };
}

/**
 * How a client speaks TLS: whom it trusts, and its own certificate if it has one.
 *
 * @throws CommandUsageError when a file is missing, or only one of certificate and key is named
 */
export function tlsClientFiles({ tlsCert, tlsKey, ca }: TlsFiles): TlsClientOptions {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new CommandUsageError('a client certificate needs both --tls-cert and --tls-key');
  }
  return {
    ...(tlsCert !== undefined && { certificateChain: read('--tls-cert', tlsCert) }),
    ...(tlsKey !== undefined && { privateKey: read('--tls-key', tlsKey) }),
    ...(ca !== undefined && { roots: read('--ca', ca) }),
  };
}

/** What the library says against the contents of a file, with the option and the file; any other error as it is. */
export function explainTlsError(error: unknown, files: TlsFiles): unknown {
  if (!isNnrpError(error, 'NNRP_ERR_USAGE')) return error;
  for (const [option, file, flag] of FLAGS) {
    if (files[file] !== undefined && error.rawMessage.startsWith(`${option}:`)) {
      return new CommandUsageError(`${flag} ${files[file]}${error.rawMessage.slice(option.length)}`);
    }
  }
  return error;
}

function read(flag: string, path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CommandUsageError(`${flag} ${path}: cannot be read: ${(error as Error).message}`);
  }
}
