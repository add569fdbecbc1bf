import type { Duplex } from 'node:stream';
import { checking, shownValue, UsageError } from 'nnrp-core';
import { isBag, type Kept, readOptions } from '../../base/options.js';
import { isDuplex } from './stream-kinds.js';
import { bytes, checkedLimits, type StreamTransportOptions, wrong } from './stream-transport-options.js';

/* The check of what a StreamTransport is made of: apart, since the types of those options are known where Node is not. */

const OPTIONS: ReadonlySet<string> = new Set(
  Object.keys({
    kind: true,
    remoteAddress: true,
    peerIdentity: true,
    maxPacketBytes: true,
    revision: true,
    highWaterBytes: true,
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
  const { peerIdentity, borrowsWrites, maxWriteBytes } = given;
  if (peerIdentity !== undefined && !isBag(peerIdentity))
    throw wrong('peerIdentity', 'a PeerIdentity', shownValue(peerIdentity));
  if (borrowsWrites !== undefined && borrowsWrites !== 'call' && borrowsWrites !== 'callback')
    throw wrong('borrowsWrites', "'call' or 'callback'", shownValue(borrowsWrites));
  if (maxWriteBytes !== undefined && maxWriteBytes !== Number.POSITIVE_INFINITY) bytes('maxWriteBytes', maxWriteBytes);
  for (const name of ['describeError', 'isRetryable'] as const) {
    const value: unknown = given[name];
    if (value !== undefined && typeof value !== 'function') throw wrong(name, 'a function', shownValue(value));
  }
  return given;
}
