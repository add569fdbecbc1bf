import { shownAddress, UsageError } from 'nnrp-core';
import { authorityParts, describeEndpointFault, type EndpointFault, isPathAndQuery } from './endpoint-fault.js';

/** What an application is named by, whatever carries it: `nnrp://authority[/path][?query]`, or `nnrps://`. */
export interface ApplicationEndpoint {
  readonly authority: string;
  /** `/` when the endpoint has neither. */
  readonly pathAndQuery: string;
  /** In brackets when it is an IPv6 address. */
  readonly host: string;
  readonly port: number | undefined;
  /** `nnrps`: every route to it must be encrypted, and its peer proved. */
  readonly isSecure: boolean;
}

/**
 * Reads an endpoint of an application without throwing.
 *
 * @returns a fault: the first of FragmentNotAllowed, InvalidEndpoint (no URI, or without a scheme), UnsupportedApplicationScheme,
 *   InvalidEndpoint (no authority), ApplicationCredentialsNotAllowed
 */
export function readApplicationEndpoint(text: string): ApplicationEndpoint | EndpointFault {
  if (text.includes('#')) return 'FragmentNotAllowed';
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?]*)(.*)$/s.exec(text);
  if (match === null) return 'InvalidEndpoint';
  const [, scheme = '', authority = '', rest = ''] = match;
  const parts = authorityParts(authority);
  if (parts === undefined || !isPathAndQuery(rest)) return 'InvalidEndpoint';
  const name = scheme.toLowerCase();
  if (name !== 'nnrp' && name !== 'nnrps') return 'UnsupportedApplicationScheme';
  if (parts.hasCredentials) return 'ApplicationCredentialsNotAllowed';
  const { host, port } = parts;
  const pathAndQuery = rest === '' ? '/' : rest.startsWith('?') ? `/${rest}` : rest;
  return { authority, pathAndQuery, host, port, isSecure: name === 'nnrps' };
}

/** The same. @throws UsageError that says what was expected */
export function parseApplicationEndpoint(text: string): ApplicationEndpoint {
  const read = readApplicationEndpoint(String(text));
  if (typeof read !== 'string') return read;
  throw new UsageError(`endpoint: ${describeEndpointFault(read)}, got ${shownAddress(text)}`);
}
