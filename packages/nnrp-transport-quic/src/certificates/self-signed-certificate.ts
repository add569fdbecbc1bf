import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { DER_TAGS, der, derObjectId, derSequence, derTime } from './der.js';

/** From TypeScript 5.7 on this is `Uint8Array<ArrayBuffer>`, as Web Crypto wants it. */
type DerBytes = ReturnType<Uint8ArrayConstructor['of']>;

/** A certificate that vouches for itself, with its private key. Both belong to the caller. */
export interface SelfSignedCertificate {
  /** To be given to clients as their trusted root. */
  readonly certificateDer: DerBytes;
  /** PKCS#8, not encrypted. */
  readonly privateKeyPkcs8Der: DerBytes;
}

const HOUR_MS = 3_600_000;
const DAYS_VALID = 365;
const ECDSA_WITH_SHA256 = derSequence(derObjectId('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
const BASIC_CONSTRAINTS = '2.5.29.19';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const TRUE = der(DER_TAGS.boolean, Uint8Array.of(0xff));
/** The third version, which is the one with extensions. */
const VERSION_3 = der(0xa0, der(DER_TAGS.integer, Uint8Array.of(2)));
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const LOOPBACK_IPV4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK_IPV6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/**
 * Makes a key (P-256) and a certificate of a server for it: for localhost, 127.0.0.1 and ::1, valid from an hour ago, as
 * clocks differ, and for 365 days. It cannot issue others.
 *
 * @see RFC 5280 section 4.1
 */
export function selfSignedCertificate(now: Date = new Date()): SelfSignedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = derSequence(
    der(DER_TAGS.set, derSequence(derObjectId(COMMON_NAME), der(DER_TAGS.utf8String, Buffer.from('localhost')))),
  );
  const toBeSigned = derSequence(
    VERSION_3,
    der(DER_TAGS.integer, serialNumber()),
    ECDSA_WITH_SHA256,
    name,
    derSequence(
      derTime(new Date(now.getTime() - HOUR_MS)),
      derTime(new Date(now.getTime() + DAYS_VALID * 24 * HOUR_MS)),
    ),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions()),
  );
  const certificate = derSequence(toBeSigned, ECDSA_WITH_SHA256, bits(sign('sha256', toBeSigned, privateKey)));
  return {
    certificateDer: Uint8Array.from(certificate),
    privateKeyPkcs8Der: Uint8Array.from(privateKey.export({ type: 'pkcs8', format: 'der' })),
  };
}

/** 16 bytes, of which the first says: positive, and not shorter than it looks. */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes;
}

function extensions(): Uint8Array {
  const names = [
    der(DNS_NAME, Buffer.from('localhost')),
    der(IP_ADDRESS, LOOPBACK_IPV4),
    der(IP_ADDRESS, LOOPBACK_IPV6),
  ];
  return derSequence(
    // Nothing in it: not an authority.
    derSequence(derObjectId(BASIC_CONSTRAINTS), TRUE, der(DER_TAGS.octetString, derSequence())),
    extension(EXTENDED_KEY_USAGE, derSequence(derObjectId(SERVER_AUTH))),
    extension(SUBJECT_ALTERNATIVE_NAME, derSequence(...names)),
  );
}

function extension(objectId: string, value: Uint8Array): Uint8Array {
  return derSequence(derObjectId(objectId), der(DER_TAGS.octetString, value));
}

/** Whole bytes: none of the last one's bits is unused. */
function bits(bytes: Uint8Array): Uint8Array {
  return der(DER_TAGS.bitString, Uint8Array.of(0), bytes);
}
