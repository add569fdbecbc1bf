import { shownAddress, shownValue, UsageError } from 'nnrp-core';
import { formatAddress, type HostPort, parseAddress } from '../address/address.js';
import { parseIpcAddress } from '../ipc/ipc-address.js';
import { parseRegisteredUrl, type RegisteredUrl, type SchemedAddress } from './registered-url.js';

/** An address that has been read. */
export type TransportUrl =
  | (SchemedAddress & { readonly sort: 'tcp' | 'tls'; readonly target: HostPort })
  | (SchemedAddress & { readonly sort: 'ipc' })
  | RegisteredUrl;

const EXPECTED = 'expected nnrp://HOST:PORT, nnrps://HOST:PORT, unix:/path or HOST:PORT';

/**
 * Reads the address of a server: `nnrp://HOST:PORT` or HOST:PORT (TCP), `nnrps://HOST:PORT` (TLS), `unix:/path` and what else
 * {@link parseIpcAddress} knows, and the schemes that are registered.
 *
 * @throws UsageError that says what was expected, and what came
 */
export function parseTransportUrl(address: string): TransportUrl {
  if (typeof address !== 'string') throw new UsageError(`address: ${EXPECTED}, got ${shownValue(address)}`);
  const local = /^(?:unix|npipe):/i.test(address) || /^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(address);
  // A named pipe takes what a socket does.
  if (local) return { ...UNIX, text: parseIpcAddress(address).text };
  if (/^[/.@\0]/.test(address)) throw new UsageError(`address: ${EXPECTED}; a path is written unix:/path`);
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(address) ?? [];
  if (scheme === undefined) return { ...NNRP, ...hostPort('', address, address) };
  switch (scheme.toLowerCase()) {
    case 'nnrp':
      return { ...NNRP, ...hostPort('nnrp://', rest, address) };
    case 'nnrps':
      return { ...NNRPS, ...hostPort('nnrps://', rest, address) };
    default:
      return parseRegisteredUrl(address);
  }
}

const NNRP = { sort: 'tcp', scheme: 'nnrp', isEncrypted: false, isLocal: false } as const;
const NNRPS = { sort: 'tls', scheme: 'nnrps', isEncrypted: true, isLocal: false } as const;
const UNIX = { sort: 'ipc', scheme: 'unix', isEncrypted: false, isLocal: true } as const;

function hostPort(prefix: string, rest: string, address: string): { readonly text: string; readonly target: HostPort } {
  try {
    const target = parseAddress(prefix === '' ? rest : ofUrl(rest));
    return { text: prefix + formatAddress(target.host, target.port), target };
  } catch (error) {
    const expected =
      prefix === '' ? EXPECTED : `expected ${prefix}HOST:PORT with a port of 0 to 65535, and nothing else`;
    throw new UsageError(`address: ${expected}, got ${shownAddress(address)}`, { cause: error });
  }
}

/** What a URL writes otherwise: a slash may end it, and the zone of an IPv6 address stands behind %25. */
function ofUrl(rest: string): string {
  const address = rest.replace(/\/$/, '').replace(/^(\[[^\]%]*%)25/, '$1');
  if (/^[^[]*%/.test(address)) throw new UsageError('a name of a host has no percent sign');
  return address;
}
