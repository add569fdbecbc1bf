import type { PacketSplitterOptions } from 'nnrp-core';
import type { Given } from '../../base/options.js';
import type { TransportKind } from '../contract/contract.js';
import type { PeerIdentity } from '../contract/peer-identity.js';
import type { StreamFailures } from './broken-stream.js';

export interface StreamTransportOptions extends Given<PacketSplitterOptions>, StreamFailures {
  readonly kind: TransportKind;
  readonly remoteAddress: string;
  readonly peerIdentity?: PeerIdentity | undefined;
  /** Bytes waiting to be sent above which `send` says false; default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
  /**
   * How long the stream reads what it is given to write, if it is known not to keep it:
   * - `call`: inside `write` alone, as long as no other write is under way. It copies what it cannot pass on at once, as
   *   tls.TLSSocket does.
   * - `callback`: until it calls back, by the lengths it saw inside `write`. True of net.Socket.
   *
   * Then memory is used again, by any connection of the process, and large bodies are copied no more than they must be. Not
   * for streams that pass chunks on, such as PassThrough, a Duplex that delivers later or another stream in this process.
   * Default undefined: every write is a copy that the stream may keep.
   */
  readonly borrowsWrites?: 'call' | 'callback' | undefined;
  /**
   * Bytes of one write, for streams that show no progress inside one: a peer that takes less than that within
   * `stallTimeoutMs` is given up. Default 16 KiB; unlimited for sockets, and for streams with `takenBytes`
   * (MeasuredStream).
   */
  readonly maxWriteBytes?: number | undefined;
  /**
   * Milliseconds in which a peer for which bytes wait must have taken something, and 500 bytes a second on an average; else
   * it is given up, whatever it sends, an eighth of that later at most. Default 30000, 0 = never.
   */
  readonly stallTimeoutMs?: number | undefined;
  /**
   * Milliseconds in which a peer must take something while `close` sends what is left, and end its own side when it has all,
   * whatever it sends; else it is cut. Default 2000; 30 seconds in all.
   */
  readonly closeTimeoutMs?: number | undefined;
}

/** `maxWriteBytes` has its default where the stream shows nothing of a write until it is over. */
export const STREAM_DEFAULTS = {
  highWaterBytes: 1024 * 1024,
  maxWriteBytes: 16 * 1024,
  stallTimeoutMs: 30_000,
  closeTimeoutMs: 2000,
} as const;

/** What was given of them: undefined is the same as left out. */
export function splitterOptions({ maxPacketBytes, revision }: Given<PacketSplitterOptions>): PacketSplitterOptions {
  return { ...(maxPacketBytes !== undefined && { maxPacketBytes }), ...(revision !== undefined && { revision }) };
}
