import { isNnrpError, TransportError } from 'nnrp-core';
import { brokenBy } from '../../base/application/thrown-text.js';

/** What is known of the failures of a kind of stream. */
export interface StreamFailures {
  /** Words for what the stream fails with; default the error's own message. */
  readonly describeError?: (error: Error) => string;
  /** Whether another connection may do better after such a failure; default always. */
  readonly isRetryable?: (error: Error) => boolean;
}

/** Of most kinds: they tell by themselves, and another connection may always do better. */
export const NO_FAILURES: StreamFailures = Object.freeze({});

/** Why a connection is over whose stream has failed, in the stream's own words: it may say anything, and nothing. */
export function brokenStream(remoteAddress: string, error: unknown, known: StreamFailures): TransportError {
  const failure = typeof error === 'object' && error !== null ? (error as Error) : undefined;
  const { describeError, isRetryable = () => true } = known;
  // An error of our own says by itself what has happened.
  const what = isNnrpError(error) ? '' : 'the connection broke: ';
  const said = failure === undefined ? undefined : describeError?.(failure);
  const mayRetry = isNnrpError(error, 'NNRP_ERR_TRANSPORT')
    ? error.isRetryable
    : failure === undefined || isRetryable(failure);
  const text = typeof said === 'string' ? said : isNnrpError(error) ? error.rawMessage : brokenBy(error);
  // It may say where, too.
  const where = text.startsWith(`${remoteAddress}: `) ? '' : `${remoteAddress}: `;
  return new TransportError(`${where}${what}${text}`, { cause: error, isRetryable: mayRetry });
}
