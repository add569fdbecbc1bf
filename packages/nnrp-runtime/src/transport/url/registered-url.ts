import { isNnrpError, shownAddress, shownValue, UsageError } from 'nnrp-core';
import type { FramedConnector } from '../contract/contract.js';
import { isOwn, type RegisteredSettings, registeredTransport, type TransportScheme } from './registry.js';

/** An address that has been read, of whatever transport. */
export interface SchemedAddress {
  /** As errors name it: without what may be a secret. */
  readonly text: string;
  /** Under which a configuration has options for it. */
  readonly scheme: string;
  /** Whether what it carries is encrypted, and its peer proved. */
  readonly isEncrypted: boolean;
  /** Whether it is of this machine, and no network carries it. */
  readonly isLocal: boolean;
}

/** One of a transport that is registered. */
export interface RegisteredUrl extends SchemedAddress {
  readonly sort: 'registered';
  readonly url: URL;
  readonly transport: TransportScheme;
}

/** @throws UsageError that says what was expected, and what came */
export function parseRegisteredUrl(address: string): RegisteredUrl {
  if (typeof address !== 'string')
    throw new UsageError(`address: expected a URL such as wss://HOST/PATH, got ${shownValue(address)}`);
  const shown = shownAddress(address);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase();
  if (scheme === undefined) throw new UsageError(`address: expected a URL such as wss://HOST/PATH, got ${shown}`);
  if (isOwn(scheme))
    throw new UsageError(`address: ${scheme} needs sockets, which NnrpClient of 'nnrp-runtime' has, got ${shown}`);
  const transport = known(scheme, shown);
  const url = parsed(address);
  if (url === undefined)
    throw new UsageError(`address: expected a URL such as ${scheme}://HOST:PORT${zoneHint(address)}, got ${shown}`);
  if (url.username !== '' || url.password !== '')
    throw new UsageError(`address: expected no user and no password: credentials are for openSession, got ${shown}`);
  const text = `${scheme}://${url.host}${url.pathname === '/' ? '' : url.pathname}`;
  return { sort: 'registered', text, scheme, isEncrypted: transport.isEncrypted, isLocal: false, url, transport };
}

/** What WHATWG URLs have no form for. */
function zoneHint(address: string): string {
  const isZoned = /^[^/]*\/\/\[[^\]]*%/.test(address);
  return isZoned ? " without the zone of an IPv6 address (a transport's own functions may take one)" : '';
}

/** Browsers of 2023 and React Native have no URL.canParse. */
function parsed(address: string): URL | undefined {
  try {
    return new URL(address);
  } catch {
    return undefined;
  }
}

/** @throws UsageError on options that cannot work, and where nothing can connect */
export function registeredConnector(
  { transport, url }: RegisteredUrl,
  own: object | undefined,
  limits: RegisteredSettings['limits'],
): FramedConnector {
  if (transport.connector === undefined) throw new UsageError(`${transport.scheme} cannot connect here`);
  return transport.connector(url, { limits, own });
}

function known(scheme: string, shown: string): TransportScheme {
  try {
    return registeredTransport(scheme);
  } catch (error) {
    if (!isNnrpError(error)) throw error;
    throw new UsageError(`address: ${error.rawMessage}, for ${shown}`, { cause: error });
  }
}
