import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { printable, shownWord, UsageError } from 'nnrp-core';
import { nodeCrypto } from '../../base/node-modules.js';
import { mappedIPv4 } from '../address/ip-literal.js';

/** Labels of letters, digits, hyphens and underscores: no pattern, and nothing that stands for several names. */
const DNS_NAME = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;
const MAX_NAME_LENGTH = 253;
/** Most bytes of a certificate's names in a message: a peer chooses how many it has. */
const MAX_SHOWN_BYTES = 500;

/**
 * A DNS name or an IP address in the form in which certificates hold it: ASCII in small letters, without the dot of the
 * root and without a network interface. An IPv4 address is one, also inside of an IPv6 address.
 *
 * @throws UsageError when it is neither
 */
export function tlsServerName(value: unknown): string {
  const text = typeof value === 'string' ? value : '';
  const address = text.replace(/%.*$/, '');
  if (isIP(address) !== 0) return mappedIPv4(address) ?? address;
  // A URL would end at these.
  const ascii = /[/?#@:\s]/.test(text) ? '' : domainToASCII(text).replace(/\.$/, '');
  if (ascii.length > MAX_NAME_LENGTH || !DNS_NAME.test(ascii))
    throw new UsageError(`serverName: expected a DNS name or an IP address, got ${shownWord(value)}`);
  return ascii;
}

/**
 * Whether a certificate is for a server of this name. Its subject alternative names alone count: Node itself would fall
 * back to the common name, which is no name of a host. Nothing else about the certificate is checked.
 *
 * @param serverName - as {@link tlsServerName} gives it
 * @param serverCertificate - in DER
 * @returns why it is not, or that it cannot be read; undefined when it is
 */
export function checkServerName(serverName: string, serverCertificate: Uint8Array): Error | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new (nodeCrypto().X509Certificate)(serverCertificate);
  } catch (error) {
    return new Error('the certificate cannot be read', { cause: error });
  }
  const found =
    isIP(serverName) === 0
      ? certificate.checkHost(serverName, { subject: 'never', partialWildcards: false })
      : certificate.checkIP(serverName);
  if (found !== undefined) return undefined;
  const names = printable(certificate.subjectAltName ?? 'no name at all', MAX_SHOWN_BYTES);
  return new Error(`the certificate is not for ${serverName}, but for ${names}`);
}
