const NEW_LINE = 0x0a;
const SPACE = 0x20;
const SLASH = 0x2f;

/**
 * Where to cut a long UTF-8 text so that its pieces have the same tokens as the whole: before a space that follows a
 * visible ASCII character, or after a line feed. Where a stretch has neither, it is cut between two characters, which may
 * cost the tokens there their neighbours.
 *
 * @param bytes - valid UTF-8
 * @param maxBytes - longest piece, at least 4
 * @returns start and end of each piece; they follow each other without a gap
 */
export function* textPieces(bytes: Uint8Array, maxBytes: number): Generator<readonly [number, number], void, void> {
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.length - start <= maxBytes ? bytes.length : cut(bytes, start, start + maxBytes);
    yield [start, end];
    start = end;
  }
}

/** The last character boundary at or before `end`; `start` has to be one too. */
export function characterBoundary(bytes: Uint8Array, start: number, end: number): number {
  if (end >= bytes.length) return bytes.length;
  let at = end;
  while (at > start && isContinuation(bytes[at])) at--;
  return at > start ? at : end;
}

function cut(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end; at > start; at--) {
    const next = bytes[at] ?? 0;
    const before = bytes[at - 1] ?? 0;
    if (next === SPACE && before > SPACE && before < 0x7f) return at;
    if (before === NEW_LINE && next > SPACE && next !== SLASH) return at;
  }
  return characterBoundary(bytes, start, end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
