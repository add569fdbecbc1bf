import { shownAddress, shownValue, UsageError } from 'nnrp-core';
import { canonicalIPv6, dottedIPv4, isNumeric, mappedIPv4 } from './ip-literal.js';

export interface HostPort {
  /** A name or an IP address, an IPv6 address with or without brackets. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** What no host has, but a URL, a user with a password, or a mistake. */
const NO_HOST = /[\s/?#@\\[\]\p{Cc}]/u;

/**
 * Reads HOST:PORT, with an IPv6 host in brackets. An IPv4 host comes out as four decimal numbers, however it was written.
 *
 * @throws UsageError that shows what was given, but for what may be a password
 */
export function parseAddress(address: string | HostPort): HostPort {
  const { host, port } = typeof address === 'string' ? split(address) : (address ?? {});
  const bare = typeof host === 'string' ? host.replace(/^\[([^[\]]*)\]$/, '$1') : '';
  if (!isHost(bare) || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new UsageError(
      `address: expected HOST:PORT with a port of 0 to 65535, got ${shown(address)}${urlHint(address)}`,
    );
  }
  if (!isNumeric(bare)) return { host: bare, port };
  const ipv4 = dottedIPv4(bare);
  if (ipv4 === undefined) throw new UsageError(`address: the host is no IPv4 address, got ${shown(address)}`);
  return { host: ipv4, port };
}

export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Where a client reaches a server of this machine that listens on all addresses: the loopback address of the same family
 * in place of 0.0.0.0 and ::. Any other host is left as it is. A name is not looked up: code that looks it up asks again with
 * each address that is found.
 */
export function reachableHost(host: string): string {
  if (canonicalIPv6(host) === '::') return '::1';
  return (mappedIPv4(host) ?? dottedIPv4(host)) === '0.0.0.0' ? '127.0.0.1' : host;
}

function isHost(host: string): boolean {
  if (host === '' || NO_HOST.test(host)) return false;
  return !host.includes(':') || canonicalIPv6(host) !== undefined;
}

function urlHint(address: unknown): string {
  if (Array.isArray(address)) return '; lists of addresses are for connect and listen';
  return typeof address === 'string' && address.includes('://') ? '; URLs are for connect and listen' : '';
}

function shown(address: unknown): string {
  if (typeof address !== 'object' || address === null) return shownAddress(address);
  if (!('host' in address) && !('port' in address))
    return `${shownValue(address)}${'localAddress' in address ? ': pass its localAddress' : ''}`;
  const { host, port } = address as Partial<HostPort>;
  return `host ${shownAddress(host)} and port ${shownValue(port)}`;
}

function split(address: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  return { host: match?.[1] ?? match?.[2] ?? '', port: match ? Number(match[3]) : -1 };
}
