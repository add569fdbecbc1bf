import { PeerError, printable } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { SessionErrorCode, SessionStatus } from 'nnrp-core/preview3';
import { type ErrorDetails, MAX_DETAILS_BYTES } from '../../connection/errors/error-details.js';
import { OWN_CODES } from './peer-error.js';
import { sessionErrorName } from './wire-names.js';

const SHUTDOWN = 'NNRP_ERR_SERVER_SHUTDOWN';

/**
 * Why a session was not opened.
 *
 * @param why - what the server says besides its code
 */
export function refusalOf(open: preview3.SessionOpen, ack: preview3.SessionOpenAck, why: ErrorDetails): PeerError {
  const { sessionErrorCode: wireCode, sessionStatus } = ack;
  const { details, retryAfterMs = 0 } = why;
  const said = why.message === undefined ? '' : printable(why.message, MAX_DETAILS_BYTES);
  const refused = (code: string, text: string, isRetryable: boolean) =>
    new PeerError(code, text, wireCode, retryAfterMs, { isRetryable: why.retryable ?? isRetryable, details });
  if (why.code !== undefined && !why.code.startsWith(OWN_CODES)) return refused(why.code, said, retryAfterMs > 0);
  const name = wireCode === SessionErrorCode.None ? ' without a code' : `: ${sessionErrorName(wireCode)}`;
  const also = said === '' ? '' : `: ${said}`;
  if (sessionStatus === SessionStatus.RetryLater) {
    return refused('NNRP_ERR_RETRY_LATER', `the server asks to retry later${name}${also}`, true);
  }
  const code = why.code === SHUTDOWN ? SHUTDOWN : 'NNRP_ERR_SESSION_REFUSED';
  const isLimit = wireCode === SessionErrorCode.SessionLimitReached;
  const tooMuch = isLimit ? tooManyInFlight(open, ack) : '';
  const isRetryable = (isLimit && tooMuch === '') || retryAfterMs > 0 || code === SHUTDOWN;
  return refused(code, `the server refuses the session${name}${also || tooMuch}`, isRetryable);
}

/** No server of preview3 says more than the code; what it allows stands beside it. It says, too, that asking again is of no use. */
function tooManyInFlight(
  { maxInFlightOperations: asked }: preview3.SessionOpen,
  { maxInFlightOperations: allowed }: preview3.SessionOpenAck,
): string {
  if (allowed === 0 || asked <= allowed) return '';
  return `, maxInFlightOperations: asked for ${asked}, the server allows ${allowed}`;
}
