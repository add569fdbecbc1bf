import { constants, createPublicKey, type KeyObject, type SigningOptions } from 'node:crypto';

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
/** Keys that are kept read: reading one costs as much as half a verification. */
const MAX_KEYS = 64;

/** RSASSA-PSS as TLS 1.3 has it. @see RFC 8446 section 4.2.3 */
export const PSS: SigningOptions = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};

/** What stands before the bare key in its SubjectPublicKeyInfo, by the number of its kind in `wasm/src/crypto/verify.rs`. */
const SPKI: readonly (Buffer | undefined)[] = [
  undefined,
  Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
  Buffer.from('3076301006072a8648ce3d020106052b81040022036200', 'hex'),
  Buffer.from('302a300506032b6570032100', 'hex'),
];

/** Public keys of certificates, read. */
export class PublicKeys {
  private readonly keys = new Map<string, KeyObject>();

  /**
   * @param kind - 0 RSA, 1 P-256, 2 P-384, 3 Ed25519
   * @param raw - PKCS#1 of RSA, else the point
   * @throws Error when it is no key, or one of RSA that is too short or too long
   */
  read(kind: number, raw: Uint8Array): KeyObject {
    const name = kind + Buffer.from(raw).toString('latin1');
    let key = this.keys.get(name);
    if (key === undefined) {
      key = parse(kind, raw);
      if (this.keys.size >= MAX_KEYS) this.keys.clear();
      this.keys.set(name, key);
    }
    return key;
  }
}

function parse(kind: number, raw: Uint8Array): KeyObject {
  const prefix = SPKI[kind];
  if (prefix !== undefined) {
    return createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
  }
  const key = createPublicKey({ key: Buffer.from(raw), format: 'der', type: 'pkcs1' });
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) throw new Error(`RSA of ${bits} bits`);
  return key;
}
