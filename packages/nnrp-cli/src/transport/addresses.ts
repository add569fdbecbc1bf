import { formatAddress, parseAddress } from 'nnrp-runtime/transport';
import { CommandUsageError } from '../exit-code.js';

/** Options of the command line that say over what packets go, and with which certificates. */
export interface TransportFlags {
  readonly tls?: boolean;
  readonly quic?: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly insecure?: boolean;
  /** False: QUIC without ALPN. */
  readonly alpn?: boolean;
}

/** Schemes of the addresses that the command line takes; a named pipe of Windows counts as `unix`. */
export type Scheme = 'nnrp' | 'nnrps' | 'nnrp+quic' | 'ws' | 'wss' | 'unix';

/** An address for `NnrpServer.listen` and `NnrpClient.connect`. */
export interface Address {
  readonly scheme: Scheme;
  readonly url: string;
}

const SCHEMES: readonly string[] = ['nnrp', 'nnrps', 'nnrp+quic', 'ws', 'wss'];
const ENCRYPTED: readonly Scheme[] = ['nnrps', 'nnrp+quic', 'wss'];
const OF_CERTIFICATES = ['cert', 'key', 'ca', 'insecure'] as const;
/** Where neither --listen nor --to says anything. */
export const DEFAULT_ADDRESS = '127.0.0.1:4433';

/** Whether what the address carries is encrypted, and its server proved by a certificate. */
export function isEncrypted({ scheme }: Address): boolean {
  return ENCRYPTED.includes(scheme);
}

/** Over what packets go there, as the lines of `nnrp serve` say it. */
export type TransportName = 'tcp' | 'tls' | 'quic' | 'ipc' | 'websocket';

const NAMES: Readonly<Record<Scheme, TransportName>> = {
  nnrp: 'tcp',
  nnrps: 'tls',
  'nnrp+quic': 'quic',
  unix: 'ipc',
  ws: 'websocket',
  wss: 'websocket',
};

export function transportName({ scheme }: Address): TransportName {
  return NAMES[scheme];
}

/** Adds what an option that may be given several times says; the first takes the place of the default. */
export function addAddress(given: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), given];
}

/**
 * Reads the addresses of the command line. HOST:PORT without a scheme is TCP; with --quic it is QUIC, and with --tls or a
 * certificate it is TLS.
 *
 * @throws CommandUsageError on a scheme that there is not, and on options that contradict each other or mean nothing for any
 * of the addresses; UsageError on what is not HOST:PORT
 */
export function readAddresses(given: readonly string[], flags: TransportFlags): Address[] {
  if (flags.tls && flags.quic) throw new CommandUsageError('--tls is TLS over TCP: give either --tls or --quic');
  if (flags.insecure && flags.ca !== undefined)
    throw new CommandUsageError('--ca means nothing with --insecure: give one of them');
  const addresses = given.map((text) => readAddress(text, flags));
  const all = addresses.map(({ url }) => url).join(', ');
  const has = (scheme: Scheme) => addresses.some((address) => address.scheme === scheme);
  // Plain TCP must not be taken for encrypted.
  if (flags.tls && !has('nnrps')) throw new CommandUsageError(`--tls is for HOST:PORT: it means nothing for ${all}`);
  if (flags.quic && !has('nnrp+quic'))
    throw new CommandUsageError(`--quic is for HOST:PORT: it means nothing for ${all}`);
  const wrong = OF_CERTIFICATES.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (wrong !== undefined && !addresses.some(isEncrypted))
    throw new CommandUsageError(`--${wrong} means nothing for ${all}, which is not encrypted`);
  checkAlpn(addresses, flags);
  return addresses;
}

/** @throws CommandUsageError when ALPN is turned off, and nothing speaks QUIC */
export function checkAlpn(addresses: readonly Address[], { alpn = true }: TransportFlags): void {
  if (alpn || addresses.some(({ scheme }) => scheme === 'nnrp+quic')) return;
  const all = addresses.map(({ url }) => url).join(', ');
  throw new CommandUsageError(`--no-alpn is for QUIC: it means nothing for ${all}`);
}

function readAddress(text: string, flags: TransportFlags): Address {
  if (/^(?:unix|npipe):/i.test(text) || /^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(text)) return { scheme: 'unix', url: text };
  const [, written] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (written === undefined) return ofHostPort(text, flags);
  const scheme = written.toLowerCase();
  if (SCHEMES.includes(scheme)) return { scheme: scheme as Scheme, url: text };
  throw new CommandUsageError(
    `there is no transport ${written}: expected ${SCHEMES.map((known) => `${known}://`).join(', ')}, unix:/path or HOST:PORT`,
  );
}

function ofHostPort(text: string, { tls, quic, ...flags }: TransportFlags): Address {
  const { host, port } = parseAddress(text);
  const isTls = tls || OF_CERTIFICATES.some((name) => flags[name] !== undefined && flags[name] !== false);
  const scheme = quic ? 'nnrp+quic' : isTls ? 'nnrps' : 'nnrp';
  // A URL writes the zone of an IPv6 address behind %25.
  return { scheme, url: `${scheme}://${formatAddress(host, port).replace('%', '%25')}` };
}
