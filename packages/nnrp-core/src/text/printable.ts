import { decodeUtf8, utf8Length, utf8Prefix } from './utf8.js';

/**
 * What a terminal obeys, a log takes for the end of a line, or a reader cannot see: controls, formats, line ends, halves of
 * pairs. The two joiners are formats as well, but scripts and emoji are written with them, and they move nothing.
 */
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;
const EVERY_UNSAFE = new RegExp(UNSAFE.source, 'gu');
/** Of these, what util.inspect leaves as it is. */
const EVERY_FORMAT = /(?![\u200c\u200d])[\p{Cf}\p{Cs}\u0080-\u009f\u2028\u2029]/gu;
/** What a cut text ends with. */
const CUT = '…';
const CUT_BYTES = 3;
const DEFAULT_MAX_BYTES = 1024;

/**
 * A text as it may be shown to people, from any source: control and format characters (bidirectional marks included),
 * line ends and lone surrogates become escapes such as `\x1b` and `\u202e`, and what is too long is cut between two
 * characters and ends with `…`.
 *
 * @param maxBytes - most bytes of the outcome in UTF-8, escapes included; at least 16, default 1024
 */
export function printable(text: string, maxBytes: number = DEFAULT_MAX_BYTES): string {
  // A unit of UTF-16 has three bytes at most.
  if (text.length * 3 <= maxBytes && !UNSAFE.test(text)) return text;
  // And one at least: more of them than that need not be looked at.
  const isCut = text.length > maxBytes;
  const escaped = escapeUnsafe(isCut ? text.slice(0, maxBytes) : text);
  if (!isCut && utf8Length(escaped) <= maxBytes) return escaped;
  return `${decodeUtf8(utf8Prefix(escaped, maxBytes - CUT_BYTES))}${CUT}`;
}

/**
 * The text behind UTF-8 of a peer, {@link printable}. Of a character that the cut goes through nothing is shown.
 *
 * @param maxBytes - most bytes that are read, and of the outcome; default 1024
 */
export function printableUtf8(bytes: Uint8Array, maxBytes: number = DEFAULT_MAX_BYTES): string {
  const cut = bytes.length > maxBytes;
  const text = decodeUtf8(cut ? bytes.subarray(0, maxBytes) : bytes, cut);
  return printable(cut ? `${text}${CUT}` : text, maxBytes);
}

/**
 * What util.inspect has made, as it may be shown to people: it escapes the control characters inside of strings by itself,
 * but neither bidirectional marks, nor what has no shape. Its own colours and lines stay.
 */
export function shownFormats(inspected: string): string {
  return inspected.replace(EVERY_FORMAT, escapeCharacter);
}

function escapeUnsafe(text: string): string {
  return text.replace(EVERY_UNSAFE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0a) return '\\n';
  if (code === 0x0d) return '\\r';
  if (code === 0x09) return '\\t';
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}
