import { shownAddress, UsageError } from 'nnrp-core';
import { authorityParts, describeEndpointFault, type EndpointFault, isPathAndQuery } from './endpoint-fault.js';
import type { RouteTransport } from './providers.js';

const TRANSPORTS = {
  tcp: 'tcp',
  quic: 'quic',
  unix: 'ipc',
  npipe: 'ipc',
  ws: 'websocket',
  wss: 'websocket',
} as const satisfies Record<string, RouteTransport>;

/** The schemes of routes. */
export type ProviderScheme = keyof typeof TRANSPORTS;

/** Where one route goes, and by which transport. */
export interface ProviderEndpoint {
  /** As it was given. */
  readonly text: string;
  readonly scheme: ProviderScheme;
  readonly transport: RouteTransport;
  /** Whether its scheme says that it is encrypted: `wss`. TCP and QUIC say it by their credentials. */
  readonly isSecure: boolean;
  /** What follows `://`: an authority with path and query, a path of the file system, or the name of a pipe. */
  readonly locator: string;
  /** Of what has an authority. */
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/**
 * Reads the locator of a route without throwing.
 *
 * @returns a fault: the first of InvalidEndpoint (no `://`), UnsupportedProviderScheme, EmptyProviderLocator, FragmentNotAllowed,
 *   and InvalidEndpoint when the form of its scheme is not kept
 */
export function readProviderEndpoint(text: string): ProviderEndpoint | EndpointFault {
  const end = text.indexOf('://');
  if (end < 0) return 'InvalidEndpoint';
  const scheme = text.slice(0, end) as ProviderScheme;
  if (!Object.hasOwn(TRANSPORTS, scheme)) return 'UnsupportedProviderScheme';
  const locator = text.slice(end + 3);
  if (locator === '') return 'EmptyProviderLocator';
  if (text.includes('#')) return 'FragmentNotAllowed';
  const common = { text, scheme, transport: TRANSPORTS[scheme], isSecure: scheme === 'wss', locator };
  if (scheme === 'unix') {
    const isPath = locator.startsWith('/') && locator !== '/' && !locator.includes('?');
    return isPath ? { ...common, host: undefined, port: undefined } : 'InvalidEndpoint';
  }
  if (scheme === 'npipe') {
    return /[?@]/.test(locator) ? 'InvalidEndpoint' : { ...common, host: undefined, port: undefined };
  }
  const [, authority = '', rest = ''] = /^([^/?]*)(.*)$/s.exec(locator) ?? [];
  const parts = authorityParts(authority);
  if (parts === undefined || parts.hasCredentials || !isPathAndQuery(rest)) return 'InvalidEndpoint';
  return { ...common, host: parts.host, port: parts.port };
}

/** The same. @throws UsageError that says what was expected */
export function parseProviderEndpoint(text: string): ProviderEndpoint {
  const read = readProviderEndpoint(String(text));
  if (typeof read !== 'string') return read;
  throw new UsageError(`locator of a route: ${describeEndpointFault(read)}, got ${shownAddress(text)}`);
}
