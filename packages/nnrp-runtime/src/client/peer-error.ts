import { type Packet, PeerError, ProtocolError, preview3 } from 'nnrp-core';

/** Most bytes of a diagnostic text that are shown. */
const MAX_SHOWN_BYTES = 1024;

/** An ERROR message as it is reported to the application. */
export interface ReportedError {
  readonly message: preview3.ErrorMessage;
  readonly error: PeerError;
  /** The length of the diagnostic text is not what the message announces; the text is left out then. */
  readonly violation: ProtocolError | undefined;
}

/** Reads an ERROR message; the diagnostic text is for people only and decides nothing. */
export function readError(packet: Packet): ReportedError {
  const message = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
  const violation = bodyMismatch('ERROR', message.diagnosticBytes, packet.bodyLength);
  const shown = violation === undefined ? packet.body.subarray(0, MAX_SHOWN_BYTES) : undefined;
  const code = `0x${message.errorCode.toString(16).padStart(4, '0')}`;
  const text = `the peer reports ${code}: ${new TextDecoder().decode(shown)}`;
  return { message, error: new PeerError('NNRP_ERR_PEER', text, message.errorCode, message.retryAfterMs), violation };
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
