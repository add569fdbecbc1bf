import { isIP, isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';

/** @returns the name in ASCII, in lower case; undefined when it is no DNS name, with or without `*.` in front */
export function dnsName(text: string): string | undefined {
  const [, wildcard = '', rest = ''] = /^(\*\.)?(.*)$/s.exec(text) ?? [];
  const name = domainToASCII(rest);
  const isName = /^(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/.test(name);
  return isName && name.length <= 253 && isIP(name) === 0 ? wildcard + name : undefined;
}

/** The 4 or 16 bytes of an IP address. @param address - that `isIP` takes, without a zone */
export function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number));
  // The last two parts of an IPv6 address may be written as an IPv4 address; a URL writes them like the others.
  const { hostname } = new URL(`http://[${address}]`);
  const [before = '', after] = hostname.slice(1, -1).split('::');
  const head = parts(before);
  const tail = after === undefined ? [] : parts(after);
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  return Uint8Array.from([...head, ...zeros, ...tail].flatMap((part) => [part >> 8, part & 0xff]));
}

function parts(text: string): number[] {
  return text === '' ? [] : text.split(':').map((part) => Number.parseInt(part, 16));
}
