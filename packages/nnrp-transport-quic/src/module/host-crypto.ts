import {
  type CipherChaCha20Poly1305,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  createSecretKey,
  type DecipherChaCha20Poly1305,
  diffieHellman,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { Numbered } from './numbered.js';
import { PSS, PublicKeys } from './public-keys.js';
import { VerifiedSignatures } from './verified-signatures.js';
import type { WasmMemory } from './webassembly.js';

/** By the numbers of `wasm/src/crypto/aead.rs`. */
const AEADS = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const;
/** By the numbers of `wasm/src/crypto/verify.rs`. */
const HASHES = [null, 'sha256', 'sha384', 'sha512'] as const;
const PSS_SIGNATURE = 2;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const TAGGED = { authTagLength: TAG_BYTES };
const DONE = 0;
const FAILED = 1;

/** Signature schemes of TLS 1.3. @see RFC 8446 section 4.2.3 */
const SCHEMES: Readonly<Record<number, { readonly hash: string | null; readonly isPss: boolean }>> = {
  1027: { hash: 'sha256', isPss: false },
  1283: { hash: 'sha384', isPss: false },
  2052: { hash: 'sha256', isPss: true },
  2053: { hash: 'sha384', isPss: true },
  2054: { hash: 'sha512', isPss: true },
  2055: { hash: null, isPss: false },
};

/** Keys of certificates, read once in a process. */
const publicKeys = new PublicKeys();
/** Signatures of certificates that were right, once in a process. */
const verified = new VerifiedSignatures();
/** What a certificate begins with, unlike what a handshake signs. */
const DER_SEQUENCE = 0x30;
const EXCHANGE_BYTES = 32;
let base: KeyObject | undefined;

/** Of X25519: 9, little endian. @see RFC 7748 section 6.1 */
function basePoint(): KeyObject {
  base ??= pointOf(Uint8Array.of(9, ...new Uint8Array(EXCHANGE_BYTES - 1)));
  return base;
}

/** A public key of X25519. As JWK because other formats take a multiple of the time. */
function pointOf({ buffer, byteOffset }: Uint8Array): KeyObject {
  const x = Buffer.from(buffer, byteOffset, EXCHANGE_BYTES).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}

interface PacketKey {
  readonly aead: (typeof AEADS)[number];
  readonly key: KeyObject;
}

/** Ciphers by whether they are there: Bun has no ChaCha20-Poly1305. */
const there = new Map<string, boolean>();

function isThere(aead: (typeof AEADS)[number]): boolean {
  let known = there.get(aead);
  if (known === undefined) {
    try {
      const keyBytes = aead === 'aes-128-gcm' ? 16 : 32;
      makeCipher(aead, createSecretKey(Buffer.alloc(keyBytes)), Buffer.alloc(NONCE_BYTES), TAGGED);
      known = true;
    } catch {
      known = false;
    }
    there.set(aead, known);
  }
  return known;
}

/** Two modes of one function of Node, told apart by the name of the cipher alone. */
const makeCipher = createCipheriv as (
  aead: string,
  key: KeyObject,
  nonce: Uint8Array,
  options: typeof TAGGED,
) => CipherChaCha20Poly1305;
const makeDecipher = createDecipheriv as (
  aead: string,
  key: KeyObject,
  nonce: Uint8Array,
  options: typeof TAGGED,
) => DecipherChaCha20Poly1305;

/**
 * The cryptography that the module leaves to Node. It has the module's memory and nothing else of it, so no call can lead
 * back into the module; and whatever Node throws is an answer, since an exception would leave the module half-way.
 */
export class HostCrypto {
  private readonly packetKeys = new Numbered<PacketKey>();
  private readonly privateKeys = new Numbered<KeyObject>();
  private readonly exchanges = new Numbered<KeyObject>();
  private bytes = new Uint8Array(0);

  constructor(
    private readonly memory: () => WasmMemory,
    private readonly makeExchangeKey: () => KeyObject,
  ) {}

  /** @returns the number by which the module asks for its signatures */
  addPrivateKey(key: KeyObject): number {
    return this.privateKeys.add(key);
  }

  removePrivateKey(id: number): void {
    this.privateKeys.remove(id);
  }

  /** The memory of the module at this moment: when it has grown, the old view is empty. */
  private view(at: number, length: number): Uint8Array {
    const { buffer } = this.memory();
    if (this.bytes.buffer !== buffer) this.bytes = new Uint8Array(buffer);
    return this.bytes.subarray(at, at + length);
  }

  readonly imports = {
    aead_new: (kind: number, at: number, length: number): number => {
      const aead = AEADS[kind] as (typeof AEADS)[number];
      return isThere(aead) ? this.packetKeys.add({ aead, key: createSecretKey(this.view(at, length)) }) : 0;
    },

    aead_free: (id: number): void => this.packetKeys.remove(id),

    seal: (
      id: number,
      nonce: number,
      aad: number,
      aadLength: number,
      at: number,
      length: number,
      tag: number,
    ): number => {
      try {
        const { aead, key } = this.packetKeys.get(id);
        const cipher = makeCipher(aead, key, this.view(nonce, NONCE_BYTES), TAGGED);
        cipher.setAAD(this.view(aad, aadLength), { plaintextLength: length });
        const data = this.view(at, length);
        data.set(cipher.update(data));
        cipher.final();
        this.view(tag, TAG_BYTES).set(cipher.getAuthTag());
        return DONE;
      } catch {
        return FAILED;
      }
    },

    open: (id: number, nonce: number, aad: number, aadLength: number, at: number, length: number): number => {
      try {
        const { aead, key } = this.packetKeys.get(id);
        const decipher = makeDecipher(aead, key, this.view(nonce, NONCE_BYTES), TAGGED);
        decipher.setAuthTag(this.view(at + length, TAG_BYTES));
        decipher.setAAD(this.view(aad, aadLength), { plaintextLength: length });
        const data = this.view(at, length);
        const plain = decipher.update(data);
        decipher.final();
        data.set(plain);
        return DONE;
      } catch {
        return FAILED;
      }
    },

    exchange_new: (out: number): number => {
      try {
        const privateKey = this.makeExchangeKey();
        // Its public half is what it agrees on with the base point. To export it would be dearer, and as JWK can stop the
        // process for good: that keeps the key locked, and a garbage collection in it waits for the lock.
        this.view(out, EXCHANGE_BYTES).set(diffieHellman({ privateKey, publicKey: basePoint() }));
        return this.exchanges.add(privateKey);
      } catch {
        return 0;
      }
    },

    exchange_agree: (id: number, peerAt: number, out: number): number => {
      try {
        const peer = this.view(peerAt, EXCHANGE_BYTES);
        const secret = diffieHellman({ privateKey: this.exchanges.get(id), publicKey: pointOf(peer) });
        this.view(out, EXCHANGE_BYTES).set(secret);
        secret.fill(0);
        return DONE;
      } catch {
        return FAILED;
      }
    },

    exchange_free: (id: number): void => this.exchanges.remove(id),

    key_kind: (id: number): number => {
      try {
        const { asymmetricKeyType, asymmetricKeyDetails } = this.privateKeys.get(id);
        if (asymmetricKeyType === 'rsa') return 1;
        // Its signatures are the same each time, so whole networks can be simulated with it.
        if (asymmetricKeyType === 'ed25519') return 4;
        return asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 3 : 2;
      } catch {
        return 0;
      }
    },

    sign: (id: number, scheme: number, at: number, length: number, out: number): number => {
      try {
        const how = SCHEMES[scheme];
        if (how === undefined) return 0;
        const key = this.privateKeys.get(id);
        const signature = sign(how.hash, this.view(at, length), how.isPss ? { key, ...PSS } : key);
        this.view(out, signature.length).set(signature);
        return signature.length;
      } catch {
        return 0;
      }
    },

    verify: (
      algorithm: number,
      keyAt: number,
      keyLength: number,
      at: number,
      length: number,
      signatureAt: number,
      signatureLength: number,
    ): number => {
      try {
        const rawKey = this.view(keyAt, keyLength);
        const [message, signature] = [this.view(at, length), this.view(signatureAt, signatureLength)];
        const isCertificate = message[0] === DER_SEQUENCE;
        const name = isCertificate ? VerifiedSignatures.nameOf(algorithm, rawKey, message, signature) : undefined;
        if (name !== undefined && verified.has(name)) return DONE;
        const key = publicKeys.read(algorithm >> 8, rawKey);
        const isPss = ((algorithm >> 4) & 15) === PSS_SIGNATURE;
        const hash = HASHES[algorithm & 15];
        if (!verify(hash, message, isPss ? { key, ...PSS } : key, signature)) return FAILED;
        if (name !== undefined) verified.add(name);
        return DONE;
      } catch {
        return FAILED;
      }
    },
  };
}
