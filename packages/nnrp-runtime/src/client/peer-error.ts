import { PeerError, type preview3 } from 'nnrp-core';

/** Most bytes of a diagnostic text that are shown. */
const MAX_SHOWN_BYTES = 1024;

/** An ERROR message as an error; the diagnostic text is for people only and decides nothing. */
export function peerError(message: preview3.ErrorMessage, diagnostic: Uint8Array): PeerError {
  const text = new TextDecoder().decode(diagnostic.subarray(0, MAX_SHOWN_BYTES));
  const code = `0x${message.errorCode.toString(16).padStart(4, '0')}`;
  return new PeerError('NNRP_ERR_PEER', `the peer reports ${code}: ${text}`, message.errorCode, message.retryAfterMs);
}
