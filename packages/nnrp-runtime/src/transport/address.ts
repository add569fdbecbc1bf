import { isIPv6, SocketAddress } from 'node:net';
import { shownValue, UsageError } from 'nnrp-core';

export interface HostPort {
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/**
 * Reads HOST:PORT, with an IPv6 host in brackets.
 *
 * @throws UsageError that shows what was given
 */
export function parseAddress(address: string | HostPort): HostPort {
  const { host, port } = typeof address === 'string' ? split(address) : (address ?? {});
  if (typeof host !== 'string' || host === '' || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new UsageError(`address: expected HOST:PORT with a port of 0 to 65535, got ${shownAddress(address)}`);
  }
  return { host, port };
}

export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Where a client reaches a server of this machine that listens on all addresses: the loopback address of the same family
 * in place of 0.0.0.0 and ::. Any other host is left as it is.
 */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  const address = host.replace(/%.*$/, '');
  if (!isIPv6(address)) return host;
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' });
  if (canonical === '::') return '::1';
  return canonical === '::ffff:0.0.0.0' ? '127.0.0.1' : host;
}

function shownAddress(address: unknown): string {
  if (typeof address !== 'object' || address === null) return shownValue(address);
  const { host, port } = address as Partial<HostPort>;
  return `host ${shownValue(host)} and port ${shownValue(port)}`;
}

function split(address: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  return { host: match?.[1] ?? match?.[2] ?? '', port: match ? Number(match[3]) : -1 };
}
