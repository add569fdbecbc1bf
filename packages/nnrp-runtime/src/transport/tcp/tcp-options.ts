import type { PacketSplitterOptions } from 'nnrp-core';
import type { Given } from '../../base/options.js';
import { readOptions } from '../../base/options.js';
import { checkedLimits, splitterOptions } from '../stream/stream-transport-options.js';

export interface TcpOptions extends Given<PacketSplitterOptions> {
  /** Bytes waiting to be sent above which a sender is told to wait; default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
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

export interface TcpConnectOptions extends TcpOptions {
  /** Milliseconds for the connection to come about; default 10000. */
  readonly connectTimeoutMs?: number | undefined;
}

/** The other defaults are those of the stream that a connection is: see StreamTransportOptions. */
export const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

const OPTIONS: ReadonlySet<string> = new Set<keyof TcpOptions>([
  'maxPacketBytes',
  'revision',
  'highWaterBytes',
  'stallTimeoutMs',
  'closeTimeoutMs',
]);

const CONNECT_OPTIONS: ReadonlySet<string> = new Set([...OPTIONS, 'connectTimeoutMs']);

/** Options of the connections of a listener. @throws UsageError on one that does not exist or cannot work */
export function tcpOptions(options: TcpOptions): TcpOptions {
  return checkedLimits(readOptions('transport options', options, OPTIONS));
}

/** Options of a connector. @throws UsageError on one that does not exist or cannot work */
export function connectOptions<Options extends TcpOptions>(options: Options): Options {
  return checkedLimits(readOptions('transport options', options, CONNECT_OPTIONS));
}

/** What a server or a client says of its transports, among much else: what the options of a transport leave open. */
export function transportDefaults({
  maxPacketBytes,
  highWaterBytes,
  stallTimeoutMs,
}: Pick<TcpOptions, 'maxPacketBytes' | 'highWaterBytes' | 'stallTimeoutMs'>): TcpOptions {
  return {
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
    ...(highWaterBytes !== undefined && { highWaterBytes }),
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
  };
}

/**
 * The limits among the options of a transport of any sort, and nothing else of them; frozen.
 * @throws UsageError that names the option, what it takes and what it got
 */
export function transportLimits(options: TcpOptions): TcpOptions {
  const { maxPacketBytes, revision, highWaterBytes, stallTimeoutMs, closeTimeoutMs } = checkedLimits(options);
  return Object.freeze({
    ...splitterOptions({ maxPacketBytes, revision }),
    ...transportDefaults({ highWaterBytes, stallTimeoutMs }),
    ...(closeTimeoutMs !== undefined && { closeTimeoutMs }),
  });
}
