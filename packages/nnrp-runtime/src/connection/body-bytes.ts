import { types } from 'node:util';
import { UsageError } from 'nnrp-core';
import { asBytes, hasItsLength, liesWhereItSays, memoryOf } from '../base/bytes.js';
import { awaitHint, unheardWithin } from '../thenable.js';
import { COPY_LIMIT } from '../transport/lent-packet.js';

const UTF8 = new TextEncoder();

/** What may be sent as a body: bytes in any form, or text, which is sent as UTF-8. */
export type BodyInput = Uint8Array | ArrayBufferView | ArrayBuffer | string;

/**
 * The bytes of a body, not copied unless it is text. Its length is the true one, and so is all else where it may be lent.
 *
 * @param what - the option or argument that it was given as
 * @throws UsageError on anything else: a wrong type must not reach the stream, where it would shift everything after it;
 * and on memory that was transferred away, which would be sent as an empty body
 */
export function bodyBytes(body: BodyInput, what = 'body'): Uint8Array {
  if (typeof body === 'string') return UTF8.encode(body);
  const bytes = viewed(body, what);
  if (bytes !== undefined) return bytes;
  unheardWithin(body);
  const found = body === null ? 'null' : typeof body;
  throw new UsageError(`${what}: expected bytes or text, got ${found}${awaitHint(body)}`);
}

/** The bytes in memory of their own, for what is needed after the call. @throws UsageError as {@link bodyBytes} does */
export function ownBytes(body: BodyInput, what?: string): Uint8Array {
  const bytes = bodyBytes(body, what);
  return typeof body === 'string' ? bytes : new Uint8Array(bytes);
}

/**
 * The bytes of a message that is never lent. Transports copy short bodies, so only long ones are copied here.
 * @throws UsageError as {@link bodyBytes} does
 */
export function unlentBytes(body: BodyInput, what?: string): Uint8Array {
  const bytes = bodyBytes(body, what);
  return bytes.length <= COPY_LIMIT || typeof body === 'string' ? bytes : new Uint8Array(bytes);
}

/**
 * The bytes of a view or buffer, not copied.
 * @returns undefined when it is neither
 * @throws UsageError when its memory was transferred away
 */
export function viewed(body: unknown, what: string): Uint8Array | undefined {
  // The common case, at once; those of other realms and classes are taken below.
  const isPlain = body instanceof Uint8Array && hasItsLength(body);
  const bytes = isPlain && (body.length <= COPY_LIMIT || liesWhereItSays(body)) ? body : viewOver(body, what);
  if (bytes?.length === 0 && isDetached(memoryOf(bytes))) throw detached(what);
  return bytes;
}

/** A view over memory that is gone cannot be made, so it is looked at first. */
function viewOver(value: unknown, what: string): Uint8Array | undefined {
  const buffer = ArrayBuffer.isView(value) ? memoryOf(value) : value;
  if (types.isArrayBuffer(buffer) && isDetached(buffer)) throw detached(what);
  return asBytes(value);
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

function detached(what: string): UsageError {
  return new UsageError(`${what}: its memory was transferred away, so there is nothing to send`);
}
