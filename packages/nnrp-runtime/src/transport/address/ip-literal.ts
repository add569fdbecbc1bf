import { isIPv6, SocketAddress } from 'node:net';

/** One to four numbers, each decimal, octal with a 0 or hexadecimal with 0x in front: what the system takes for IPv4. */
const NUMBERS = /^(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+))*$/i;
const MAX_PARTS = 4;
const MAPPED = '::ffff:';

/** Whether a host is nothing but numbers and dots: an IPv4 address or a mistake, since no name ends with a number. */
export function isNumeric(host: string): boolean {
  return NUMBERS.test(host);
}

/**
 * An IPv4 address in its usual form. The system also takes `127.1`, `0x7f000001`, `0` and
 * `000.000.000.000`, and so they reach comparisons with `0.0.0.0` and with the names of a certificate.
 *
 * @returns undefined unless it is an IPv4 address in a spelling that inet_aton(3) takes
 */
export function dottedIPv4(host: string): string | undefined {
  if (!isNumeric(host)) return undefined;
  const numbers = host.split('.').map(numberOf);
  const last = numbers.pop() ?? 0;
  // The last number fills what the others leave: 127.1 is 127.0.0.1.
  const lastBytes = MAX_PARTS - numbers.length;
  if (lastBytes < 1 || !(last < 256 ** lastBytes) || !numbers.every((number) => number < 256)) return undefined;
  const rest = Array.from({ length: lastBytes }, (_, index) => Math.floor(last / 256 ** (lastBytes - 1 - index)) % 256);
  return [...numbers, ...rest].join('.');
}

/** The IPv4 address in an IPv6 address of the form `::ffff:127.0.0.1`, however that is written; undefined in any other. */
export function mappedIPv4(host: string): string | undefined {
  const canonical = canonicalIPv6(host);
  return canonical?.startsWith(MAPPED) && canonical.includes('.') ? canonical.slice(MAPPED.length) : undefined;
}

/** The shortest form of an IPv6 address, without a network interface; undefined when it is none. */
export function canonicalIPv6(host: string): string | undefined {
  const address = host.replace(/%.*$/, '');
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : undefined;
}

function numberOf(text: string): number {
  if (/^0x/i.test(text)) return Number(text);
  if (!/^0\d/.test(text)) return Number(text);
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}
