import { X509Certificate } from 'node:crypto';

/** A certificate in DER as PEM. */
export function pem(der: Uint8Array): string {
  return new X509Certificate(der).toString();
}
