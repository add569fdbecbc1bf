import { isNnrpError, shownAddress, shownValue, UsageError } from 'nnrp-core';
import { formatAddress, type HostPort, parseAddress } from '../address/address.js';
import { parseIpcAddress } from '../ipc/ipc-address.js';
import { registeredTransport, type TransportScheme } from './registry.js';

/** An address that has been read. */
export type TransportUrl =
  | { readonly sort: 'tcp' | 'tls'; readonly text: string; readonly target: HostPort }
  | { readonly sort: 'ipc'; readonly text: string }
  | { readonly sort: 'registered'; readonly text: string; readonly url: URL; readonly transport: TransportScheme };

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
  if (local) return { sort: 'ipc', text: parseIpcAddress(address).text };
  if (/^[/.@\0]/.test(address)) throw new UsageError(`address: ${EXPECTED}; a path is written unix:/path`);
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(address) ?? [];
  if (scheme === undefined) return { sort: 'tcp', ...hostPort('', address, address) };
  switch (scheme.toLowerCase()) {
    case 'nnrp':
      return { sort: 'tcp', ...hostPort('nnrp://', rest, address) };
    case 'nnrps':
      return { sort: 'tls', ...hostPort('nnrps://', rest, address) };
    default:
      return registeredUrl(scheme.toLowerCase(), address);
  }
}

/**
 * Reads one address or several.
 *
 * @param call - that is named by errors
 * @throws UsageError that names the address
 */
export function parseTransportUrls(call: string, addresses: string | readonly string[]): TransportUrl[] {
  const list: readonly string[] = typeof addresses === 'string' ? [addresses] : addresses;
  if (!Array.isArray(list) || list.length === 0)
    throw new UsageError(`${call}: expected an address or a list of them, got ${shownValue(addresses)}`);
  // A list may have holes, which map() would leave out.
  return Array.from(list, (address, index) => {
    try {
      return parseTransportUrl(address);
    } catch (error) {
      if (!isNnrpError(error)) throw error;
      const where = list.length === 1 ? call : `${call}: address ${index + 1}`;
      throw new UsageError(`${where}: ${error.rawMessage.replace(/^address: /, '')}`, { cause: error });
    }
  });
}

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

function registeredUrl(scheme: string, address: string): TransportUrl {
  const shown = shownAddress(address);
  const transport = known(scheme, shown);
  if (!URL.canParse(address))
    throw new UsageError(`address: expected a URL such as ${scheme}://HOST:PORT, got ${shown}`);
  const url = new URL(address);
  if (url.username !== '' || url.password !== '')
    throw new UsageError(`address: expected no user and no password: credentials are for openSession, got ${shown}`);
  // Without what may be a secret.
  return {
    sort: 'registered',
    text: `${scheme}://${url.host}${url.pathname === '/' ? '' : url.pathname}`,
    url,
    transport,
  };
}

function known(scheme: string, shown: string): TransportScheme {
  try {
    return registeredTransport(scheme);
  } catch (error) {
    if (!isNnrpError(error)) throw error;
    throw new UsageError(`address: ${error.rawMessage}, for ${shown}`, { cause: error });
  }
}
