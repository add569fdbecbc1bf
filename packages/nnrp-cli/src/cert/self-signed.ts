import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { DerTag, der, derObjectId, derSequence, derTime } from './der.js';
import { addressBytes } from './subject-names.js';

/** What a certificate is to be. */
export interface CertificateWish {
  /** Common name of its subject. */
  readonly commonName: string;
  /** DNS names and IP addresses that it is for; the names in ASCII. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** From now. */
  readonly days: number;
  readonly use: 'server' | 'client';
}

/** A certificate that vouches for itself, and its key; both PEM. */
export interface SelfSigned {
  readonly certificate: string;
  /** PKCS#8, not encrypted. */
  readonly key: string;
  readonly validTo: Date;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ECDSA_WITH_SHA256 = derSequence(derObjectId('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
const BASIC_CONSTRAINTS = '2.5.29.19';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const USES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
const TRUE = der(DerTag.Boolean, Uint8Array.of(0xff));
/** The third version, which is the one with extensions. */
const VERSION_3 = der(0xa0, der(DerTag.Integer, Uint8Array.of(2)));
const KEY_IDENTIFIER = 0x80;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/**
 * Makes a key (P-256) and a certificate for it, valid from an hour ago, as clocks differ. It cannot issue others.
 *
 * @see RFC 5280 section 4.1
 */
export function selfSigned(wish: CertificateWish, now: Date): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validTo = new Date(now.getTime() + wish.days * DAY_MS);
  const name = derSequence(
    der(DerTag.Set, derSequence(derObjectId(COMMON_NAME), der(DerTag.Utf8String, Buffer.from(wish.commonName)))),
  );
  const toBeSigned = derSequence(
    VERSION_3,
    der(DerTag.Integer, serialNumber()),
    ECDSA_WITH_SHA256,
    name,
    derSequence(derTime(new Date(now.getTime() - HOUR_MS)), derTime(validTo)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions(wish, keyIdentifier(publicKey))),
  );
  return { certificate: signed(toBeSigned, privateKey), key: pem(privateKey), validTo };
}

function signed(toBeSigned: Uint8Array, key: KeyObject): string {
  const certificate = derSequence(toBeSigned, ECDSA_WITH_SHA256, bits(sign('sha256', toBeSigned, key)));
  return new X509Certificate(certificate).toString();
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** 16 bytes, of which the first says: positive, and not shorter than it looks. */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes;
}

/** 20 bytes that tell keys apart. */
function keyIdentifier(key: KeyObject): Uint8Array {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function extensions({ names, addresses, use }: CertificateWish, keyId: Uint8Array): Uint8Array {
  const alternatives = [
    ...names.map((name) => der(DNS_NAME, Buffer.from(name))),
    ...addresses.map((address) => der(IP_ADDRESS, addressBytes(address))),
  ];
  return derSequence(
    // Nothing in it: not an authority.
    derSequence(derObjectId(BASIC_CONSTRAINTS), TRUE, der(DerTag.OctetString, derSequence())),
    // Where the certificate before this one is trusted too, it has the same name: by these TLS finds the right one.
    extension(SUBJECT_KEY_IDENTIFIER, der(DerTag.OctetString, keyId)),
    extension(AUTHORITY_KEY_IDENTIFIER, derSequence(der(KEY_IDENTIFIER, keyId))),
    extension(EXTENDED_KEY_USAGE, derSequence(derObjectId(USES[use]))),
    // An empty list of names is not allowed.
    ...(alternatives.length === 0 ? [] : [extension(SUBJECT_ALTERNATIVE_NAME, derSequence(...alternatives))]),
  );
}

function extension(objectId: string, value: Uint8Array): Uint8Array {
  return derSequence(derObjectId(objectId), der(DerTag.OctetString, value));
}

/** Whole bytes: none of the last one's bits is unused. */
function bits(bytes: Uint8Array): Uint8Array {
  return der(DerTag.BitString, Uint8Array.of(0), bytes);
}
