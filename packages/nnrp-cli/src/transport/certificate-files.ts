import { readFileSync } from 'node:fs';
import { isNnrpError, type TlsClientOptions, type TlsServerOptions } from 'nnrp-runtime';
import { CommandUsageError } from '../exit-code.js';

/** Files with certificates and a key that the command line names; all of them PEM or DER. */
export interface CertificateFiles {
  /** The options that name certificate and key, for messages; `--ca` is called so everywhere. */
  readonly flags: { readonly cert: string; readonly key: string };
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
}

/** What a server needs of TLS to be one. */
export type ServerIdentity = Pick<TlsServerOptions, 'certificateChain' | 'privateKey'>;
/** Which clients a server takes. */
export type ClientDemands = Pick<TlsServerOptions, 'clientCertificates' | 'clientRoots'>;

/**
 * The certificate of a server and its key.
 *
 * @throws CommandUsageError when a file cannot be read, or not both are named
 */
export function serverIdentity({ flags, cert, key }: CertificateFiles): ServerIdentity {
  if (cert === undefined || key === undefined) {
    throw new CommandUsageError(`a server certificate needs both ${flags.cert} and ${flags.key}`);
  }
  return { certificateChain: read(flags.cert, cert), privateKey: read(flags.key, key) };
}

/** With --ca only clients whose certificates lead there. @throws CommandUsageError when the file cannot be read */
export function clientDemands({ ca }: CertificateFiles): ClientDemands {
  return ca === undefined ? {} : { clientCertificates: 'require', clientRoots: read('--ca', ca) };
}

/**
 * Which servers a client trusts, and its own certificate if it has one.
 *
 * @throws CommandUsageError when a file cannot be read, or only one of certificate and key is named
 */
export function clientFiles({ flags, cert, key, ca }: CertificateFiles): TlsClientOptions {
  if ((cert === undefined) !== (key === undefined)) {
    throw new CommandUsageError(`a client certificate needs both ${flags.cert} and ${flags.key}`);
  }
  return {
    ...(cert !== undefined && { certificateChain: read(flags.cert, cert) }),
    ...(key !== undefined && { privateKey: read(flags.key, key) }),
    ...(ca !== undefined && { roots: read('--ca', ca) }),
  };
}

/** What the library says against the contents of a file, with the option and the file; any other error as it is. */
export function explainFileError(error: unknown, { flags, cert, key, ca }: CertificateFiles): unknown {
  if (!isNnrpError(error, 'NNRP_ERR_USAGE')) return error;
  const named = [
    ['certificateChain', flags.cert, cert],
    ['privateKey', flags.key, key],
    ['clientRoots', '--ca', ca],
    ['roots', '--ca', ca],
  ] as const;
  for (const [option, flag, file] of named) {
    if (file !== undefined && error.rawMessage.startsWith(`${option}:`)) {
      return new CommandUsageError(`${flag} ${file}${error.rawMessage.slice(option.length)}`);
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
