import type { KeyObject, X509Certificate } from 'node:crypto';
import { ignoreRejectionsWithin, UsageError } from 'nnrp-core';
import { asBytes } from '../../base/bytes.js';
import { nodeCrypto } from '../../base/node-modules.js';

/**
 * Certificates: PEM with any number of them, DER with one, or a list of such. Text around PEM blocks, and blocks of
 * another kind, are passed over. The bytes are read once and not kept.
 */
export type CertificateSource = string | Uint8Array | readonly (string | Uint8Array)[];

/** What a certificate is to be used for. */
export type CertificateUse = 'server' | 'client';

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';
/** First byte of everything in DER that is meant here. */
const DER_SEQUENCE = 0x30;
const ANY_USE = '2.5.29.37.0';
const USES = {
  server: { oid: '1.3.6.1.5.5.7.3.1', name: 'serverAuth' },
  client: { oid: '1.3.6.1.5.5.7.3.2', name: 'clientAuth' },
} as const;

/** A certificate chain and its private key, in PEM as node:tls takes them. */
export interface TlsCredentials {
  /** Leaf first. */
  readonly cert: string;
  /** PKCS#8, not encrypted. */
  readonly key: string;
}

/**
 * Reads a chain, leaf first, and the key of its leaf.
 *
 * @param use - what the leaf is for; without extended key usage it is for everything
 * @param privateKey - PEM, or DER (PKCS#8, SEC1, PKCS#1)
 * @param passphrase - opens an encrypted `privateKey`
 * @throws UsageError that names the option: nothing readable in it, the leaf has expired, is not valid yet or is not
 * meant for `use`, or the key belongs to another certificate
 */
export function tlsCredentials(
  use: CertificateUse,
  certificateChain: CertificateSource,
  privateKey: string | Uint8Array,
  passphrase: string | undefined,
): TlsCredentials {
  const chain = certificates('certificateChain', certificateChain);
  for (const [index, certificate] of chain.entries())
    checkDates(certificate, `certificateChain: certificate ${index + 1}`);
  const leaf = chain[0] as X509Certificate;
  const { oid, name } = USES[use];
  if (leaf.keyUsage !== undefined && !leaf.keyUsage.includes(oid) && !leaf.keyUsage.includes(ANY_USE)) {
    throw new UsageError(
      `certificateChain: the first certificate is not meant for a ${use}: its extended key usage lacks ${name}`,
    );
  }
  const key = readPrivateKey(privateKey, passphrase);
  if (!leaf.checkPrivateKey(key)) {
    throw new UsageError('privateKey: it does not belong to the first certificate of certificateChain');
  }
  return { cert: pem(chain), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/**
 * Reads trusted roots. Other certificates among them are kept, as long as one is a root.
 *
 * @param field - the option they come from, for messages
 * @returns PEM, as node:tls takes it
 * @throws UsageError that names the option: nothing readable in it, or nothing that could ever verify a certificate
 */
export function trustedRoots(field: string, source: CertificateSource): string {
  const roots = certificates(field, source);
  const anchors = roots.filter(({ subject, issuer }) => subject === issuer);
  if (anchors.length === 0) {
    throw new UsageError(`${field}: none of the certificates is a root (self-signed), so they can verify nothing`);
  }
  // Bundles hold roots past their time; one that still counts is enough.
  if (anchors.every(hasExpired)) {
    throw new UsageError(`${field}: every root in it has expired, the last one on ${anchors.at(-1)?.validTo}`);
  }
  return pem(roots);
}

function certificates(field: string, source: CertificateSource): X509Certificate[] {
  const parts: readonly unknown[] = Array.isArray(source) ? source : [source];
  const found = parts.flatMap((part, index) => {
    const where = parts.length > 1 ? `${field}[${index}]` : field;
    if (typeof part === 'string') return fromPem(where, part);
    const bytes = asBytes(part);
    if (bytes === undefined) {
      // Files that are being read, as a rule.
      ignoreRejectionsWithin(source);
      const made = typeof part === 'object' && part !== null && 'certificateDer' in part;
      const hint = made ? '; pass its .certificateDer' : '';
      throw new UsageError(`${where}: expected PEM or DER as a string, a Uint8Array or a list of these${hint}`);
    }
    return bytes[0] === DER_SEQUENCE ? [fromDer(where, bytes)] : fromPem(where, Buffer.from(bytes).toString('latin1'));
  });
  if (found.length === 0)
    throw new UsageError(
      `${field}: there is no certificate in it, neither PEM nor DER; it takes the contents of a file, not its path`,
    );
  return found;
}

function fromPem(field: string, text: string): X509Certificate[] {
  return text
    .split(BEGIN)
    .slice(1)
    .map((rest, index) => {
      const end = rest.indexOf(END);
      if (end < 0) throw new UsageError(`${field}: PEM certificate ${index + 1} has no end`);
      return parse(field, `PEM certificate ${index + 1}`, BEGIN + rest.slice(0, end) + END);
    });
}

function fromDer(field: string, bytes: Uint8Array): X509Certificate {
  const certificate = parse(field, 'the DER certificate', bytes);
  const behind = bytes.length - certificate.raw.length;
  if (behind !== 0) throw new UsageError(`${field}: ${behind} bytes follow the DER certificate; give a list instead`);
  return certificate;
}

function parse(field: string, what: string, bytes: string | Uint8Array): X509Certificate {
  try {
    return new (nodeCrypto().X509Certificate)(bytes);
  } catch (error) {
    throw new UsageError(`${field}: ${what} cannot be read`, { cause: error });
  }
}

function readPrivateKey(given: string | Uint8Array, passphrase: string | undefined): KeyObject {
  const source = typeof given === 'string' ? given : asBytes(given);
  if (source === undefined) {
    ignoreRejectionsWithin(given);
    throw new UsageError('privateKey: expected PEM or DER as a string or a Uint8Array');
  }
  const secret = passphrase === undefined ? {} : { passphrase };
  if (typeof source !== 'string' && source[0] === DER_SEQUENCE) return readDerKey(Buffer.from(source), secret);
  const key = typeof source === 'string' ? source : Buffer.from(source).toString('latin1');
  try {
    return nodeCrypto().createPrivateKey({ key, ...secret });
  } catch (error) {
    if (!key.includes('ENCRYPTED'))
      throw new UsageError('privateKey: there is no readable key in it', { cause: error });
    const problem =
      passphrase === undefined ? 'needed, because privateKey is encrypted' : 'it does not open privateKey';
    throw new UsageError(`passphrase: ${problem}`, { cause: error });
  }
}

function readDerKey(key: Buffer, secret: { passphrase?: string }): KeyObject {
  const causes: unknown[] = [];
  for (const type of ['pkcs8', 'sec1', 'pkcs1'] as const) {
    try {
      return nodeCrypto().createPrivateKey({ key, format: 'der', type, ...secret });
    } catch (error) {
      causes.push(error);
    }
  }
  const doubt = secret.passphrase === undefined ? ' without a passphrase' : ' with this passphrase';
  throw new UsageError(`privateKey: the DER key cannot be read${doubt}`, { cause: causes[0] });
}

/** By the clock of this end; none has not. */
export function hasExpired(certificate: X509Certificate | undefined): boolean {
  return certificate !== undefined && Date.parse(certificate.validTo) < Date.now();
}

function checkDates(certificate: X509Certificate, what: string): void {
  const { validFrom, validTo } = certificate;
  if (hasExpired(certificate)) throw new UsageError(`${what} has expired, on ${validTo}`);
  if (Date.parse(validFrom) > Date.now()) throw new UsageError(`${what} is not valid before ${validFrom}`);
}

function pem(list: readonly X509Certificate[]): string {
  return list.map((certificate) => certificate.toString()).join('\n');
}
