import { isIPv4 } from 'node:net';
import { canonicalIPv6, mappedIPv4 } from './ip-literal.js';

const GROUPS = 8;
const GROUPS_OF_A_NETWORK = 4;

/**
 * The group of an address, for counting: an IPv4 address by itself, an IPv6 address by its /64, the least that a client
 * is given; it has 2^64 addresses.
 *
 * @param remoteAddress - HOST:PORT, as transports say it
 * @returns undefined when that is no IP address, as of transports in memory
 */
export function addressGroup(remoteAddress: string): string | undefined {
  const colon = remoteAddress.lastIndexOf(':');
  return colon < 0 ? undefined : hostGroup(remoteAddress.slice(0, colon).replace(/^\[|\]$/g, ''));
}

/** The same of a host alone. */
export function hostGroup(host: string): string | undefined {
  if (isIPv4(host)) return host;
  const address = canonicalIPv6(host);
  if (address === undefined) return undefined;
  return mappedIPv4(address) ?? network(address);
}

/** The first 64 bits, always in the same form. */
function network(address: string): string {
  const [left = '', right] = address.split('::');
  const before = left === '' ? [] : left.split(':');
  // An IPv4 address at the end stands for two groups; it is behind the network in any case.
  const after = right === undefined || right === '' ? [] : right.replace(/[^:]*\..*$/, '0:0').split(':');
  const zeros = Array(Math.max(0, GROUPS - before.length - after.length)).fill('0');
  return `${[...before, ...zeros, ...after].slice(0, GROUPS_OF_A_NETWORK).join(':')}::/64`;
}
