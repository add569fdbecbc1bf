import { RequestError } from './request-error.js';

const NO_DIGIT = /[^0-9a-f]/i;

/**
 * The bytes of a hex text. White space is ignored, and so is 0x in front of any part.
 *
 * @throws RequestError bad_request that names the offending character, or the odd number of digits
 */
export function parseHex(text: string): Uint8Array {
  // Buffer.from looks at the low byte of each character only, and takes some letters for digits.
  if (text.length % 2 === 0 && !NO_DIGIT.test(text)) return Buffer.from(text, 'hex');
  const digits = text.replace(/(^|\s)0x/gi, '$1').replace(/\s+/g, '');
  const wrong = NO_DIGIT.exec(digits);
  if (wrong !== null) {
    const character = String.fromCodePoint(digits.codePointAt(wrong.index) ?? 0);
    const message = `hex: ${JSON.stringify(character)} at digit ${wrong.index + 1} is not a hex digit`;
    throw new RequestError({ kind: 'bad_request', message });
  }
  if (digits.length % 2 !== 0) {
    throw new RequestError({ kind: 'bad_request', message: `hex: odd number of digits (${digits.length})` });
  }
  return Buffer.from(digits, 'hex');
}

/** Lower-case hex of bytes. */
export function formatHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
