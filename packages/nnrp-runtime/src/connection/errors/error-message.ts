import type * as preview3 from 'nnrp-core/preview3';
import type { Lane } from '../sending/outbox.js';
import { type ErrorDetails, errorBody } from './error-details.js';

/** What an ERROR message refers to; 0 = nothing. */
export interface ErrorOptions {
  readonly sessionId?: number;
  readonly frameId?: number;
  readonly fatal?: boolean;
  /** Milliseconds after which a retry may help; 0 = no advice. */
  readonly retryAfterMs?: number;
  readonly lane?: Lane;
  /** Said to a peer that understands it. */
  readonly details?: ErrorDetails;
}

/** The metadata and the body of an ERROR. */
export function errorMessage(
  errorCode: number,
  errorScope: preview3.ErrorScope,
  text: string,
  { sessionId = 0, frameId = 0, fatal = false, retryAfterMs = 0, details }: ErrorOptions,
  understandsDetails: boolean,
): { readonly metadata: preview3.ErrorMessage; readonly body: Uint8Array } {
  const { body, diagnosticBytes } = errorBody(text, details, understandsDetails);
  const metadata: preview3.ErrorMessage = {
    errorCode,
    errorScope,
    isFatal: fatal ? 1 : 0,
    retryAfterMs,
    relatedSessionId: sessionId,
    relatedFrameId: frameId,
    relatedViewId: 0,
    diagnosticBytes,
  };
  return { metadata, body };
}
