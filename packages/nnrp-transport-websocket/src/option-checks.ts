import { PacketSplitter, shownValue, UsageError } from 'nnrp-core';
import type { WebSocketTransportOptions } from './websocket-options.js';

/** Also the longest time a timer of Node can wait, in milliseconds. */
const LARGEST_INT32 = 0x7fffffff;

/** @throws UsageError unless it is an integer within the limits, which are included */
export function integer(field: string, value: unknown, smallest: number, largest = LARGEST_INT32): number {
  if (Number.isInteger(value) && (value as number) >= smallest && (value as number) <= largest) return value as number;
  throw new UsageError(`${field}: expected an integer of ${smallest} to ${largest}, got ${shownValue(value)}`);
}

/** @throws UsageError unless it is true, false or left out, which is false */
export function flag(field: string, value: unknown = false): boolean {
  if (typeof value === 'boolean') return value;
  throw new UsageError(`${field}: expected true or false, got ${shownValue(value)}`);
}

/** @throws UsageError unless it is a function or left out */
export function callback<Callback>(field: string, value: Callback | undefined): Callback | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw new UsageError(`${field}: expected a function, got ${shownValue(value)}`);
}

/** @throws UsageError that names the option, what it takes and what it got */
export function transportOptions(options: WebSocketTransportOptions): WebSocketTransportOptions {
  const { maxPacketBytes, revision, highWaterBytes, stallTimeoutMs, closeTimeoutMs } = options;
  if (revision !== undefined && typeof revision?.checkHeader !== 'function') {
    throw new UsageError(`revision: expected a revision of the wire, such as PREVIEW3, got ${shownValue(revision)}`);
  }
  const splitting = {
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
    ...(revision !== undefined && { revision }),
  };
  // It knows its limits.
  new PacketSplitter(splitting);
  return Object.freeze({
    ...splitting,
    ...(highWaterBytes !== undefined && {
      highWaterBytes: integer('highWaterBytes', highWaterBytes, 1, Number.MAX_SAFE_INTEGER),
    }),
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs: integer('stallTimeoutMs', stallTimeoutMs, 0) }),
    ...(closeTimeoutMs !== undefined && { closeTimeoutMs: integer('closeTimeoutMs', closeTimeoutMs, 1) }),
  });
}

/** What servers and clients are told of their transport goes for WebSocket too, unless its own options say otherwise. */
export function transportDefaults(config: WebSocketTransportOptions): WebSocketTransportOptions {
  const { highWaterBytes, maxPacketBytes, stallTimeoutMs } = config;
  return {
    ...(highWaterBytes !== undefined && { highWaterBytes }),
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
  };
}
