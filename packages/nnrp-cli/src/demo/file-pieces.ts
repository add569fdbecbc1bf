import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { characterBoundary } from '../serve/text-pieces.js';

const NEW_LINE = 0x0a;

/**
 * The text of a file in pieces that end at a line end, or, in longer lines, between two characters. Holds one piece and
 * one chunk at a time, however long the file is.
 *
 * @param maxBytes - longest piece, at least 4
 * @throws what opening or reading the file fails with, or an error that says where the file is not UTF-8
 */
export async function* filePieces(path: string, maxBytes: number): AsyncGenerator<Uint8Array, void, void> {
  let rest: Uint8Array = new Uint8Array(0);
  let offset = 0;
  const take = (end: number): Uint8Array => {
    const piece = rest.subarray(0, end);
    if (!isUtf8(piece)) throw new Error(`${path} is not UTF-8 text (between bytes ${offset} and ${offset + end})`);
    rest = rest.subarray(end);
    offset += end;
    return piece;
  };
  for await (const chunk of createReadStream(path, { highWaterMark: maxBytes })) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length > maxBytes) {
      const line = rest.lastIndexOf(NEW_LINE, maxBytes - 1) + 1;
      yield take(line > 0 ? line : characterBoundary(rest, 0, maxBytes));
    }
  }
  if (rest.length > 0) yield take(rest.length);
}
