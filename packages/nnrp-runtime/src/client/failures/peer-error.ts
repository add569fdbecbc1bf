import { forCaller, type Packet, PeerError, ProtocolError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { ErrorDetails } from '../../connection/errors/error-details.js';
import { readErrorText } from '../../connection/errors/error-text.js';
import { errorCodeName } from './wire-names.js';

/** Codes that are this library's own begin so; an application has none of them. */
export const OWN_CODES = 'NNRP_';

const HANDLER_FAILED = 'NNRP_ERR_HANDLER_FAILED';

/** An ERROR message as it is reported to the application. */
export interface ReportedError {
  readonly message: preview3.ErrorMessage;
  /** What it says of a session or connection. */
  readonly error: PeerError;
  /** The diagnostic text; empty when there is none. */
  readonly text: string;
  readonly details: ErrorDetails;
  /** The length of the body is not what the message announces; the text is left out then. */
  readonly violation: ProtocolError | undefined;
}

/**
 * Reads an ERROR message; the diagnostic text is for people only and decides nothing.
 *
 * @param announced - whether this side has said that it understands details behind the text
 */
export function readError(packet: Packet, announced: boolean): ReportedError {
  const message = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
  const { errorCode, diagnosticBytes, retryAfterMs } = message;
  const mayHaveDetails = announced && packet.bodyLength > diagnosticBytes;
  const violation = mayHaveDetails ? undefined : bodyMismatch('ERROR', diagnosticBytes, packet.bodyLength);
  const { text, details } = violation === undefined ? readErrorText(packet, message) : NOTHING_SAID;
  const isOfApplication = details.code !== undefined && !details.code.startsWith(OWN_CODES);
  const code = isOfApplication ? (details.code as string) : 'NNRP_ERR_PEER';
  const said = isOfApplication
    ? text
    : `the server reports ${errorCodeName(errorCode)}${text === '' ? '' : `: ${text}`}`;
  const isRetryable = details.retryable ?? (retryAfterMs > 0 || errorCode === preview3.ErrorCode.ServerBusy);
  const error = new PeerError(code, said, errorCode, retryAfterMs, { isRetryable, details: details.details });
  return { message, error, text, details, violation };
}

/** How a request fails that the server answers by this error. @param request - its name on the wire */
export function requestFailure({ message, error, text, details }: ReportedError, request: string): PeerError {
  if (details.code !== HANDLER_FAILED) return forCaller(error);
  const { errorCode, retryAfterMs } = message;
  const said = `the server reports ${errorCodeName(errorCode)} for ${request}: ${text}`;
  return new PeerError(HANDLER_FAILED, said, errorCode, retryAfterMs, { isRetryable: error.isRetryable });
}

/**
 * Compares the body of a message with the length that its metadata announces. No body at all is fine: preview3 peers
 * announce bytes and send none.
 */
export function bodyMismatch(message: string, announced: number, actual: number): ProtocolError | undefined {
  if (actual === 0 || actual === announced) return undefined;
  const text = `${message}: announces ${announced} body bytes, got ${actual}`;
  return new ProtocolError(text, preview3.ErrorCode.MalformedBody);
}

const NOTHING_SAID = { text: '', details: {} as ErrorDetails };
