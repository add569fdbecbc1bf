import { CommandUsageError } from '../exit-code.js';
import {
  type Address,
  checkAlpn,
  DEFAULT_ADDRESS,
  isEncrypted,
  readAddresses,
  type TransportFlags,
} from '../transport/addresses.js';
import type { CertificateFiles } from '../transport/certificate-files.js';
import { LOCAL_HOSTS } from '../transport/local-certificates.js';
import type { FileListener } from './config/command-options.js';
import type { ServerFile } from './config/server-file.js';

/** An address that a server listens on, with the certificates for it. */
export interface ListenAddress extends Address {
  readonly tls: CertificateFiles;
}

/** What the command line says of addresses and certificates. It wins over the file. */
export interface ListenFlags extends TransportFlags {
  readonly listen?: readonly string[];
  readonly config?: string;
}

/**
 * The addresses of the command line, or else of the file, each with its certificates.
 *
 * @throws CommandUsageError that names the option, or the place in the file: options that contradict each other,
 * have no effect, or would let in clients that another option keeps out; UsageError on what is not HOST:PORT
 */
export function listenAddresses(flags: ListenFlags, { command }: ServerFile): ListenAddress[] {
  const { listen, config = '', cert, key, ca } = flags;
  const isOfFlags = cert !== undefined || key !== undefined || ca !== undefined;
  const shared: CertificateFiles = isOfFlags
    ? { ...ofFile(command.tls, config, 'tls'), ...flagged(flags) }
    : ofFile(command.tls, config, 'tls');
  const addresses =
    listen !== undefined || command.listeners === undefined
      ? readAddresses(listen ?? [DEFAULT_ADDRESS], { ...flags, ...paths(shared) }).map((address) => ({
          ...address,
          tls: shared,
        }))
      : command.listeners.flatMap((listener, index) => {
          const where = `listeners[${index}]`;
          return readListener(listener, where, isOfFlags ? undefined : listener.tls, shared, flags);
        });
  if (Object.keys(paths(shared)).length > 0 && !addresses.some(isEncrypted))
    throw new CommandUsageError(`${shared.named}cert means nothing for ${addresses.map(({ url }) => url).join(', ')}`);
  checkAlpn(addresses, flags);
  for (const address of addresses) checkCertificates(address);
  checkDoors(addresses);
  return addresses;
}

function readListener(
  { address }: FileListener,
  where: string,
  own: FileListener['tls'],
  shared: CertificateFiles,
  { config = '', quic = false }: ListenFlags,
): ListenAddress[] {
  const tls = own === undefined ? shared : ofFile(own, config, `${where}.tls`);
  const isPlain = !/^[a-z][a-z0-9+.-]*:/i.test(address) || /^[^/]*:\d+$/.test(address);
  try {
    // Certificates of the whole file need not mean something for each address; HOST:PORT speaks TLS with them.
    const given = isPlain || own !== undefined ? { ...paths(tls), quic } : {};
    return readAddresses([address], given).map((read) => ({ ...read, tls }));
  } catch (error) {
    const text = (error as Error).message.replace(/^\[\w+\] /, '').replace(/^--(\w+)/, 'tls.$1');
    throw new CommandUsageError(`${config}: ${where}: ${text}`, { cause: error });
  }
}

function ofFile(tls: FileListener['tls'], config: string, where: string): CertificateFiles {
  return { ...tls, named: `${config}: ${where}.` };
}

function flagged({ cert, key, ca }: ListenFlags): CertificateFiles {
  // A key without its certificate is that of another one.
  const pair = cert === undefined && key === undefined ? {} : { cert, key };
  return { ...pair, ...(ca !== undefined && { ca }), named: '--' } as CertificateFiles;
}

function paths({ cert, key, ca }: CertificateFiles): Pick<CertificateFiles, 'cert' | 'key' | 'ca'> {
  return { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }), ...(ca !== undefined && { ca }) };
}

/** QUIC makes a certificate of its own, but for this machine only. @throws CommandUsageError that names the address */
function checkCertificates({ scheme, url, tls: { cert, key } }: ListenAddress): void {
  if (cert !== undefined || key !== undefined) return;
  if (scheme === 'nnrps' || scheme === 'wss') {
    throw new CommandUsageError(`${url} is encrypted: a server certificate needs both --cert and --key`);
  }
  if (scheme !== 'nnrp+quic' || !URL.canParse(url)) return;
  const host = new URL(url).hostname.toLowerCase().replace(/^\[|\]$/g, '');
  if (LOCAL_HOSTS.includes(host)) return;
  const which = `for ${LOCAL_HOSTS.join(', ')} only`;
  throw new CommandUsageError(`${url} needs --cert and --key: the certificate that serve makes itself is ${which}`);
}

/** Whether addresses of one scheme have different certificates. */
export function haveOwnCertificates(addresses: readonly ListenAddress[]): boolean {
  const encrypted = addresses.filter(isEncrypted);
  return encrypted.some((one) =>
    encrypted.some((other) => other.scheme === one.scheme && shownPaths(other) !== shownPaths(one)),
  );
}

function shownPaths({ tls: { cert, key, ca } }: ListenAddress): string {
  return JSON.stringify([cert, key, ca]);
}

/** Clients without a certificate must not get in by another door. */
function checkDoors(addresses: readonly ListenAddress[]): void {
  if (!addresses.some(({ tls }) => tls.ca !== undefined)) return;
  const open = addresses.find(({ scheme, tls }) => scheme !== 'unix' && !(ASKING.includes(scheme) && tls.ca));
  if (open !== undefined)
    throw new CommandUsageError(
      `${open.url} asks no client for a certificate: with --ca every address is nnrps:// or nnrp+quic:// with it, or unix:`,
    );
}

/** Schemes whose servers can ask clients for certificates. */
const ASKING: readonly string[] = ['nnrps', 'nnrp+quic'];
