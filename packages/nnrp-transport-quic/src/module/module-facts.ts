import type { KeyObject } from 'node:crypto';
import type { QuicCipher } from '../engine.js';

/** Bits of `happened`. */
export const Happened = {
  Connected: 1,
  Readable: 2,
  Writable: 4,
  Finished: 8,
  Stopped: 16,
  Lost: 32,
  Drained: 64,
  ExtraStream: 128,
} as const;

/** What `receive` says when the datagram was for no connection. */
export const DEALT_WITH = -1;
export const NEWCOMER = -2;

/** What `write` says when nothing was taken. */
export const BLOCKED = -1;
export const STOPPED = -2;

/** Bytes of the secret of a socket. */
export const SECRET_BYTES = 64;

/** Cipher suites by the numbers of `wasm/src/crypto/aead.rs`. */
export const CIPHERS: readonly QuicCipher[] = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
];

/** Which side has ended a connection, and why. */
export interface Loss {
  /** 1 the peer's application, 2 the peer's QUIC, 3 this end's QUIC, 4 time, 5 a peer that knows nothing of it, 6 else. */
  readonly kind: number;
  readonly code: number;
  readonly text: string;
}

/** The certificate that an end shows, and its key, which the module never sees. */
export interface Identity {
  /** DER, the certificate of the end itself first. */
  readonly chain: readonly Uint8Array[];
  readonly key: KeyObject;
}

/** A certificate that is trusted by itself, and its time in milliseconds since 1970. */
export interface Root {
  readonly der: Uint8Array;
  readonly fromMs: number;
  readonly toMs: number;
}
