import { TransportError } from 'nnrp-core';

/** Codes of a close frame that this package sends. @see RFC 6455 section 7.4.1 */
export const CloseCode = {
  /** Everything is said. */
  Normal: 1000,
  /** The frames are none, or not what this end may be sent: a wrong mask, a reserved bit, a fragment out of place. */
  ProtocolError: 1002,
  /** A text message: packets are binary. */
  UnsupportedData: 1003,
  /** A binary message that is not one packet of exactly its length. */
  InvalidPayload: 1007,
  /** A packet above the limit. */
  TooBig: 1009,
  /** This end has failed. */
  InternalError: 1011,
} as const;

const NO_STATUS = 1005;
const GOING_AWAY = 1001;

const MEANINGS: Readonly<Record<number, string>> = {
  1000: 'normal end',
  1001: 'going away',
  1002: 'protocol error',
  1003: 'unsupported data',
  1005: 'no code',
  1006: 'ended without a close frame',
  1007: 'invalid payload',
  1008: 'policy violation',
  1009: 'message too big',
  1010: 'missing extension',
  1011: 'internal error',
  1012: 'service restart',
  1013: 'try again later',
  1014: 'bad gateway',
  1015: 'TLS handshake',
};

/** Codes after which a connection that is made anew would end in the same way. */
const FINAL = new Set([1002, 1003, 1007, 1008, 1009, 1010]);

/** Why a connection is ended by this end. */
export interface CloseReason {
  readonly code: number;
  /** For the peer and for the error of this end. */
  readonly text: string;
}

/** Whether a peer may put the code into a close frame. */
export function isSendable(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || isPrivate(code);
}

function isPrivate(code: number): boolean {
  return code >= 3000 && code <= 4999;
}

/**
 * What a peer's close code means for this end.
 *
 * @param code - 1005 where the frame had none, 1006 where there was no frame
 * @returns undefined after an orderly end
 */
export function closeFailure(remoteAddress: string, code: number, reason: string): TransportError | undefined {
  if (code === CloseCode.Normal || code === GOING_AWAY || code === NO_STATUS) return undefined;
  const meaning = MEANINGS[code] ?? (isPrivate(code) ? "the application's own" : 'unknown');
  const text = `${remoteAddress}: the peer has ended the connection with close code ${code} (${meaning})`;
  return new TransportError(reason === '' ? text : `${text}: ${reason}`, { isRetryable: !FINAL.has(code) });
}
