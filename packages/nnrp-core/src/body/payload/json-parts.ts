import { UsageError } from '../../errors.js';

/** Objects and lists in each other that JSON of others may have. Readers walk it by recursion. */
export const MAX_JSON_DEPTH = 128;
/**
 * Objects, lists and members that it may have. An empty object is three bytes of JSON, some 70 bytes of memory and, with the
 * collection of garbage, a microsecond: a packet of the largest size would be a gigabyte, and half a minute in which no peer is served.
 */
export const MAX_JSON_PARTS = 1_000_000;

/**
 * Objects, lists and members of JSON, found without making them; 0 of what is short. What it finds of a text that is no JSON means
 * nothing.
 *
 * @returns 'deep' for what nests deeper, 'large' for what has more of them than JSON of others may have
 */
export function jsonParts(json: string): number | 'deep' | 'large' {
  if (json.length <= 2 * MAX_JSON_DEPTH) return 0;
  let depth = 0;
  let parts = 0;
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case 0x22: // "
        at = endOfJsonText(json, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > MAX_JSON_DEPTH) return 'deep';
        parts++;
        break;
      case 0x3a: // :
        parts++;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
      default:
    }
  }
  return parts > MAX_JSON_PARTS ? 'large' : parts;
}

/** Where the quote is that ends a text, or the JSON. @param start - of the one that begins it */
export function endOfJsonText(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); ; end = json.indexOf('"', end + 1)) {
    if (end < 0) return json.length;
    let first = end;
    while (json[first - 1] === '\\') first--;
    // An even number of backslashes escapes only themselves.
    if ((end - first) % 2 === 0) return end;
  }
}

/**
 * What JSON of others says. No error has a piece of it, as errors are logged.
 *
 * @param what - what takes JSON, for the message
 * @param byteLength - of it, for the message
 * @throws UsageError when it is no JSON, or more than JSON of others may be
 */
export function requireJson(
  json: string,
  what: string,
  byteLength: number,
): { readonly value: unknown; readonly parts: number } {
  const parts = jsonParts(json);
  if (typeof parts === 'string')
    throw new UsageError(
      `${what} of at most ${MAX_JSON_PARTS} objects, lists and members, nested at most ${MAX_JSON_DEPTH} deep: JSON.parse(text()) has no limit`,
    );
  try {
    return { value: JSON.parse(json), parts };
  } catch {
    throw new UsageError(`${what}, but ${byteLength === 0 ? 'it is empty' : `its ${byteLength} bytes are no JSON`}`);
  }
}
