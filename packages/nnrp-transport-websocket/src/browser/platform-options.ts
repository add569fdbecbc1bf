import type { PlatformWebSocketClass } from './platform-websocket.js';

/** What a connection over a platform's WebSocket can be told. */
export interface PlatformOptions {
  /** The class to use; default `globalThis.WebSocket`. */
  readonly WebSocket?: PlatformWebSocketClass | undefined;
  /** Whether the sub-protocol `nnrp.1` is offered; a server must agree on it then, and those of the reference do not. Default true. */
  readonly offerSubprotocol?: boolean | undefined;
  /** Milliseconds for the connection to come about; default 10000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Bytes waiting to be sent above which `send` says false; default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
  /** Bytes of the largest packet that is taken; default 64 MiB. */
  readonly maxPacketBytes?: number | undefined;
  /**
   * Bytes that may arrive while reading is paused, since a platform's WebSocket cannot be told to wait; beyond, the connection
   * ends with an error; each message counts 256 on top. Default 128 MiB.
   */
  readonly maxHeldBytes?: number | undefined;
  /** Milliseconds in which a server for which bytes wait must have taken some; else it is given up. Default 30000, 0 = never. */
  readonly stallTimeoutMs?: number | undefined;
  /** Milliseconds that `close` may take to send what is left and to be answered; default 5000. */
  readonly closeTimeoutMs?: number | undefined;
}

export const PLATFORM_DEFAULTS = {
  connectTimeoutMs: 10_000,
  highWaterBytes: 1024 * 1024,
  maxPacketBytes: 64 * 1024 * 1024,
  maxHeldBytes: 128 * 1024 * 1024,
  stallTimeoutMs: 30_000,
  closeTimeoutMs: 5000,
} as const;
