import type { Duplex } from 'node:stream';
import { checking, shownValue, UsageError } from 'nnrp-core';
import { isBag, type Kept, readOptions } from '../../base/options.js';
import { bytes, checkedLimits, type StreamTransportOptions, wrong } from './stream-transport-options.js';

/* What a transport is made of: a stream, what it can do beyond a Duplex and what has become of it, and its options. */

/** A stream that can end without sending what it still holds, as net.Socket can. */
interface ResettableDuplex extends Duplex {
  resetAndDestroy(): unknown;
}

const METHODS = ['on', 'read', 'pause', 'resume', 'write', 'end', 'destroy'] as const;

/** Of any implementation: it is known by what it can do. */
function isDuplex(value: unknown): value is Duplex {
  return METHODS.every((name) => typeof (value as Partial<Duplex> | null | undefined)?.[name] === 'function');
}

/** Whether it is a socket of Node. */
export function isResettable(stream: Duplex): stream is ResettableDuplex {
  return typeof (stream as Partial<ResettableDuplex>).resetAndDestroy === 'function';
}

/** Ends a socket without what it still holds, so that the peer sees an error. A Unix domain socket knows no reset: it just ends. */
export function reset(stream: ResettableDuplex): void {
  try {
    stream.resetAndDestroy();
  } catch {
    stream.destroy();
  }
}

/** Whether it has ended for good, or is broken: its events may have come, and come no more. */
export function isOver(stream: Duplex): boolean {
  return stream.destroyed || stream.closed || Boolean(stream.errored);
}

const OPTIONS: ReadonlySet<string> = new Set(
  Object.keys({
    kind: true,
    remoteAddress: true,
    peerIdentity: true,
    maxPacketBytes: true,
    revision: true,
    highWaterBytes: true,
    ownsReads: true,
    borrowsWrites: true,
    maxWriteBytes: true,
    stallTimeoutMs: true,
    closeTimeoutMs: true,
    describeError: true,
    isRetryable: true,
  } satisfies Record<keyof StreamTransportOptions, true>),
);

/**
 * What was given, without what is undefined.
 * @throws UsageError on what is no stream, and one that names the option, what it takes and what it got
 */
export function streamOptions(stream: Duplex, options: StreamTransportOptions): Kept<StreamTransportOptions> {
  return checking([stream, options], () => readStreamOptions(stream, options));
}

function readStreamOptions(stream: Duplex, options: StreamTransportOptions): Kept<StreamTransportOptions> {
  if (!isDuplex(stream))
    throw new UsageError(`StreamTransport: expected a Duplex of node:stream, got ${shownValue(stream)}`);
  const given = readOptions('stream transport options', options ?? {}, OPTIONS);
  for (const name of ['kind', 'remoteAddress'] as const) {
    if (typeof given[name] !== 'string') throw wrong(name, 'a string', shownValue(given[name]));
  }
  checkedLimits(given);
  const { peerIdentity, ownsReads, borrowsWrites, maxWriteBytes } = given;
  if (peerIdentity !== undefined && !isBag(peerIdentity))
    throw wrong('peerIdentity', 'a PeerIdentity', shownValue(peerIdentity));
  if (borrowsWrites !== undefined && borrowsWrites !== 'call' && borrowsWrites !== 'callback')
    throw wrong('borrowsWrites', "'call' or 'callback'", shownValue(borrowsWrites));
  if (ownsReads !== undefined && typeof ownsReads !== 'boolean')
    throw wrong('ownsReads', 'true or false', shownValue(ownsReads));
  if (maxWriteBytes !== undefined && maxWriteBytes !== Number.POSITIVE_INFINITY) bytes('maxWriteBytes', maxWriteBytes);
  for (const name of ['describeError', 'isRetryable'] as const) {
    const value: unknown = given[name];
    if (value !== undefined && typeof value !== 'function') throw wrong(name, 'a function', shownValue(value));
  }
  return given;
}
