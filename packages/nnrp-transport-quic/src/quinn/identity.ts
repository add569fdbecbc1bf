import { createPrivateKey, hkdfSync, X509Certificate } from 'node:crypto';
import { UsageError } from 'nnrp-core';
import { formatAddress, type HostPort } from 'nnrp-runtime/transport';
import type { PemCredentials } from '../engine.js';
import { type Identity, type Root, SECRET_BYTES } from '../module/module-facts.js';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

let lastRead: { readonly pem: string; readonly roots: readonly Root[] } | undefined;

/** Roots in PEM. Those of a platform are more than a hundred, so the ones that were read last are kept. */
export function readRoots(pem: string): readonly Root[] {
  if (lastRead?.pem === pem) return lastRead.roots;
  const roots = (pem.match(CERTIFICATE) ?? []).map((block) => {
    const { raw, validFrom, validTo } = new X509Certificate(block);
    return { der: raw, fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) };
  });
  lastRead = { pem, roots };
  return roots;
}

/**
 * Reads what the configuration has checked. The key stays in a KeyObject, which shows nothing of it.
 *
 * @throws UsageError
 */
export function readIdentity({ cert, key }: PemCredentials): Identity {
  try {
    const chain = (cert.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block).raw);
    if (chain.length === 0) throw new Error('there is no certificate in PEM');
    return { chain, key: createPrivateKey(key) };
  } catch (error) {
    const { message } = error as Error;
    throw new UsageError(`certificateChain: the QUIC library refuses it: ${message}`, { cause: error });
  }
}

/**
 * What stateless resets and Retry tokens of a server are made with. It is the same after a restart, so that clients of before
 * learn at once that they are not known any more; and another one for each address, so that no other server with this key
 * can be made to end its connections.
 *
 * @see RFC 9000 section 10.3.2
 */
export function socketSecret({ key }: Identity, { host, port }: HostPort): Uint8Array {
  const material = key.export({ format: 'der', type: 'pkcs8' });
  try {
    const info = `nnrp quic ${formatAddress(host, port)}`;
    return new Uint8Array(hkdfSync('sha256', material, new Uint8Array(0), info, SECRET_BYTES));
  } finally {
    material.fill(0);
  }
}
