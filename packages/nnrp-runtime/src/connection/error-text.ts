import type { Packet, preview3 } from 'nnrp-core';
import { decodeDetails, type ErrorDetails, MAX_DETAILS_BYTES } from './error-details.js';

/** Most bytes of a diagnostic text that are shown. */
const MAX_SHOWN_BYTES = 1024;
/** What a terminal obeys, or a log takes for the end of a line. */
const CONTROLS = /[\p{Cc}\u2028\u2029]/gu;

/** What the body of an ERROR says. */
export interface ErrorText {
  /** For people only: it decides nothing. */
  readonly text: string;
  readonly details: ErrorDetails;
}

/**
 * Reads the body of an ERROR: the diagnostic text, and behind it the details, if any. What has another form than announced
 * is read as far as it goes; nothing in it is a reason to fail.
 */
export function readErrorText(packet: Packet, message: preview3.ErrorMessage): ErrorText {
  const { body } = packet;
  const { diagnosticBytes } = message;
  const details = decodeDetails(body.subarray(diagnosticBytes, diagnosticBytes + MAX_DETAILS_BYTES + 1));
  const whole = details.message ?? decodeText(body.subarray(0, diagnosticBytes));
  return { text: harmless(whole), details };
}

/** The text of a peer, cut between two characters. */
function decodeText(bytes: Uint8Array): string {
  const isCut = bytes.length > MAX_SHOWN_BYTES;
  return new TextDecoder().decode(bytes.subarray(0, MAX_SHOWN_BYTES), { stream: isCut });
}

/** Control characters are shown as escapes. */
function harmless(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}
