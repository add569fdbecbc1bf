// The library below needs the polyfill to be there first.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = { name: 'RSASSA-PKCS1-v1_5', publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const USES = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth } as const;

/** A certificate with its private key, made for one test run. */
export interface Issued {
  readonly name: string;
  /** PEM. */
  readonly certificate: string;
  /** PKCS#8 in PEM. */
  readonly key: string;
  readonly keyObject: KeyObject;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface CertificateWish {
  /** Distinguished name, such as `CN=server`. */
  readonly name: string;
  /** Default itself. */
  readonly issuer?: Issued;
  /** Whether it may issue others; default false. */
  readonly authority?: boolean;
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  /** Extended key usage; default none, which allows everything. */
  readonly use?: 'server' | 'client';
  /** For an RSA key of this many bits; default an EC key. */
  readonly rsaBits?: number;
  /** Days from now; default -1. */
  readonly fromDay?: number;
  /** Days from now; default 30. */
  readonly toDay?: number;
}

/** Makes a key and a certificate for it. */
export async function issue(wish: CertificateWish): Promise<Issued> {
  const { name, issuer, authority = false, dns = [], ips = [], use, rsaBits, fromDay = -1, toDay = 30 } = wish;
  const algorithm = rsaBits === undefined ? EC : { ...RSA, modulusLength: rsaBits };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const names: JsonGeneralName[] = [
    ...dns.map((value) => ({ type: 'dns' as const, value })),
    ...ips.map((value) => ({ type: 'ip' as const, value })),
  ];
  const extensions: Extension[] = [new BasicConstraintsExtension(authority, undefined, true)];
  if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names));
  if (use !== undefined) extensions.push(new ExtendedKeyUsageExtension([USES[use]]));
  const certificate = await X509CertificateGenerator.create({
    subject: name,
    issuer: issuer?.name ?? name,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() + fromDay * DAY_MS),
    notAfter: new Date(Date.now() + toDay * DAY_MS),
    extensions,
  });
  const keyObject = KeyObject.from(keys.privateKey);
  const key = keyObject.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { name, certificate: certificate.toString('pem'), key, keyObject, keys };
}

/** PEM to DER. */
export function der(pem: string): Uint8Array {
  return new Uint8Array(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
}
