import * as preview3 from 'nnrp-core/preview3';
import { decodeDetails, diagnosticText, type ErrorDetails, encodeDetails } from './error-details.js';

/**
 * Type of an entry in the extension block of a SESSION_OPEN_ACK that refuses: why, in the form of the details of an ERROR.
 * It is of the experimental range and never critical; see docs/errors.md.
 */
export const REFUSAL_EXTENSION = 0x4e53;

/** The block of an acknowledgement that refuses. A message that has no room in it is cut. */
export function refusalBlock(why: ErrorDetails): Uint8Array | undefined {
  const { message } = why;
  const payload =
    encodeDetails(why) ??
    (message === undefined ? undefined : encodeDetails({ ...why, message: diagnosticText(message) }));
  if (payload === undefined) return undefined;
  return preview3.encodeControlExtensions([{ type: REFUSAL_EXTENSION, critical: false, payload }]);
}

/** What the entries of an acknowledgement say of a refusal; nothing when there is no such entry, or it is malformed. */
export function readRefusal(extensions: readonly preview3.ControlExtension[]): ErrorDetails {
  const entry = extensions.find(({ type }) => type === REFUSAL_EXTENSION);
  return entry === undefined ? {} : decodeDetails(entry.payload);
}
