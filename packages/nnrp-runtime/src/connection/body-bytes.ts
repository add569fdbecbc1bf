import { types } from 'node:util';
import { UsageError } from 'nnrp-core';
import { asBytes } from '../base/bytes.js';

const UTF8 = new TextEncoder();

/** What may be sent as a body: bytes in any form, or text, which is sent as UTF-8. */
export type BodyInput = Uint8Array | ArrayBufferView | ArrayBuffer | string;

/**
 * The bytes of a body, not copied unless it is text.
 *
 * @throws UsageError on anything else: a wrong type must not reach the stream, where it would shift everything after it;
 * and on memory that was transferred away, which would be sent as an empty body
 */
export function bodyBytes(body: BodyInput): Uint8Array {
  if (typeof body === 'string') return UTF8.encode(body);
  // The common case, at once; those of other realms are taken below.
  const bytes = body instanceof Uint8Array ? body : viewed(body);
  if (bytes === undefined) {
    throw new UsageError(`body: expected bytes or text, got ${body === null ? 'null' : typeof body}`);
  }
  if (bytes.length === 0 && isDetached(bytes.buffer)) throw detached();
  return bytes;
}

/** A view over memory that is gone cannot be made, so it is looked at first. */
function viewed(body: ArrayBufferView | ArrayBuffer): Uint8Array | undefined {
  const buffer = ArrayBuffer.isView(body) ? body.buffer : body;
  if (types.isArrayBuffer(buffer) && isDetached(buffer)) throw detached();
  return asBytes(body);
}

function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function detached(): UsageError {
  return new UsageError('body: its memory was transferred away, so there is nothing to send');
}
