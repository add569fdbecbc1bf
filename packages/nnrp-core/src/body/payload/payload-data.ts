import { UsageError } from '../../errors.js';
import { shownValue } from '../../text/shown-value.js';
import { encodeUtf8 } from '../../text/utf8.js';

/** A body in pieces, in order: what `submit` and a result take as one body. */
export type BodyChunks = readonly Uint8Array[];

/** Chunks up to this length are copied together: one more chunk costs more than the copy. */
const COPIED_BYTES = 4096;

/** The bytes of a view or buffer, not copied; undefined for all else. @throws UsageError when its memory is gone */
function viewedBytes(value: unknown, what: string): Uint8Array | undefined {
  try {
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return isBuffer(value) ? new Uint8Array(value) : undefined;
  } catch {
    throw new UsageError(`${what}: its memory was transferred away`);
  }
}

/** @throws UsageError for what is neither a view nor a buffer */
export function requireBytes(value: unknown, what: string): Uint8Array {
  const bytes = viewedBytes(value, what);
  if (bytes === undefined) throw new UsageError(`${what}: expected bytes, got ${shownValue(value)}`);
  return bytes;
}

/** Bytes, or text as UTF-8. @throws UsageError for all else */
export function bytesOrText(value: unknown, what: string): Uint8Array {
  if (typeof value === 'string') return encodeUtf8(value);
  const bytes = viewedBytes(value, what);
  if (bytes === undefined) throw new UsageError(`${what}: expected bytes or text, got ${shownValue(value)}`);
  return bytes;
}

/** Bytes, text as UTF-8, or any other value as JSON. @throws UsageError for what has no JSON */
export function bytesTextOrJson(value: unknown, what: string): Uint8Array {
  if (typeof value === 'string') return encodeUtf8(value);
  return viewedBytes(value, what) ?? encodeUtf8(jsonOf(value, what));
}

function jsonOf(value: unknown, what: string): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new UsageError(`${what}: ${shownValue(value)} cannot be written as JSON`, { cause });
  }
  // undefined, functions and symbols have none.
  if (json === undefined)
    throw new UsageError(`${what}: expected bytes, text or a value with a JSON form, got ${shownValue(value)}`);
  return json;
}

/**
 * The chunks of a body as one piece of memory, for a call that takes no list.
 * @returns new bytes, unless there is only one chunk: then that one
 */
export function joinBody(chunks: BodyChunks): Uint8Array {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : copyOf(chunks);
}

/** The same body in fewer chunks: short ones are copied together, long ones stay what they are. */
export function packedChunks(chunks: BodyChunks): Uint8Array[] {
  const packed: Uint8Array[] = [];
  let short: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (chunk.length <= COPIED_BYTES) {
      if (chunk.length > 0) short.push(chunk);
      continue;
    }
    if (short.length > 0) packed.push(copyOf(short));
    packed.push(chunk);
    short = [];
  }
  if (short.length > 0) packed.push(copyOf(short));
  return packed;
}

function copyOf(chunks: BodyChunks): Uint8Array {
  const copy = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    copy.set(chunk, at);
    at += chunk.length;
  }
  return copy;
}

function isBuffer(value: unknown): value is ArrayBuffer {
  const tag = Object.prototype.toString.call(value);
  return tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]';
}
