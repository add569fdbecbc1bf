import { type Packet, printable, printableUtf8, shownValue, UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { decodeDetails, type ErrorDetails, MAX_DETAILS_BYTES } from './error-details.js';

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
  const { message: whole } = details;
  if (whole !== undefined) return { text: printable(whole, MAX_DETAILS_BYTES), details };
  return { text: printableUtf8(body.subarray(0, diagnosticBytes)), details };
}

/** What the application wants to say in an ERROR. @throws UsageError on anything but text */
export function givenText(text: unknown): string {
  if (typeof text === 'string') return text;
  throw new UsageError(`sendError: text takes a string, got ${shownValue(text)}`);
}
