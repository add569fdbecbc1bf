import { isNnrpError, TransportError } from 'nnrp-core';

/** What is known of the failures of a kind of stream. */
export interface StreamFailures {
  /** Words for what the stream fails with; default the error's own message. */
  readonly describeError?: (error: Error) => string;
  /** Whether another connection may do better after such a failure; default always. */
  readonly isRetryable?: (error: Error) => boolean;
}

/** Why a connection is over whose stream has failed. */
export function brokenStream(remoteAddress: string, error: Error, known: StreamFailures): TransportError {
  const { describeError = (failure: Error) => failure.message, isRetryable = () => true } = known;
  // An error of our own says by itself what has happened.
  const what = isNnrpError(error) ? '' : 'the connection broke: ';
  return new TransportError(`${remoteAddress}: ${what}${describeError(error)}`, {
    cause: error,
    isRetryable: isNnrpError(error, 'NNRP_ERR_TRANSPORT') ? error.isRetryable : isRetryable(error),
  });
}
