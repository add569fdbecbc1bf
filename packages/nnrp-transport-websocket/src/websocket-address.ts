import { shownAddress, UsageError } from 'nnrp-core';
import { formatAddress, type HostPort, parseAddress, reachableHost } from 'nnrp-runtime/transport';
import { checkPath } from './upgrade/server-settings.js';

/** Where a server listens by itself. */
export interface BindTarget extends HostPort {
  readonly path: string;
}

/** Where a client connects to. */
export interface ConnectTarget extends HostPort {
  readonly isSecure: boolean;
  /** As it is called. */
  readonly url: string;
  /** As messages show it: without the query, which may hold a token. */
  readonly shown: string;
}

/**
 * @param isSecure - whether the server has a certificate
 * @throws UsageError unless it is HOST:PORT, or a URL whose scheme fits
 */
export function bindTarget(address: string | HostPort, isSecure: boolean): BindTarget {
  if (typeof address !== 'string' || !address.includes('://')) return { ...parseAddress(address), path: '/' };
  const { url, host, port } = parsed(address);
  if ((url.protocol === 'wss:') !== isSecure) {
    const problem = isSecure ? 'ws: is without TLS, and a certificate was given' : 'wss: needs the option tls';
    throw new UsageError(`address: ${problem}, got ${shownAddress(address)}`);
  }
  if (url.search !== '')
    throw new UsageError(`address: a server listens at a path, without ?, got ${shownAddress(address)}`);
  return { host, port, path: checkPath(url.pathname) };
}

/** @throws UsageError unless it is a URL of WebSocket */
export function connectTarget(address: string | URL): ConnectTarget {
  const { url, host, port } = parsed(String(address));
  const reachable = reachableHost(host);
  const isSecure = url.protocol === 'wss:';
  const shown = `${url.protocol}//${formatAddress(reachable, port)}${url.pathname}`;
  return { host: reachable, port, isSecure, url: shown + url.search, shown };
}

/** The URL itself is not shown where it may hold a password. */
function parsed(address: string): { readonly url: URL } & HostPort {
  const url = asUrl(address);
  if (url === undefined || (url.protocol !== 'ws:' && url.protocol !== 'wss:') || url.hostname === '') {
    throw new UsageError(`address: expected a URL such as ws://127.0.0.1:8080/nnrp, got ${shownAddress(address)}`);
  }
  if (url.username !== '' || url.password !== '')
    throw new UsageError('address: a URL with a user or password is not taken; give them by the option headers');
  if (url.hash !== '') throw new UsageError('address: a URL of WebSocket has no fragment (#)');
  const port = url.port === '' ? (url.protocol === 'wss:' ? 443 : 80) : Number(url.port);
  return { url, ...parseAddress({ host: url.hostname, port }) };
}

function asUrl(address: string): URL | undefined {
  try {
    return new URL(address);
  } catch {
    return undefined;
  }
}
