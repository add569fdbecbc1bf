import { UsageError } from 'nnrp-core';
import { asBytes } from '../base/bytes.js';

const UTF8 = new TextEncoder();

/** What may be sent as a body: bytes in any form, or text, which is sent as UTF-8. */
export type BodyInput = Uint8Array | ArrayBufferView | ArrayBuffer | string;

/**
 * The bytes of a body, not copied unless it is text.
 *
 * @throws UsageError on anything else: a wrong type must not reach the stream, where it would shift everything after it
 */
export function bodyBytes(body: BodyInput): Uint8Array {
  // The common case, at once; those of other realms are taken below.
  if (body instanceof Uint8Array) return body;
  if (typeof body === 'string') return UTF8.encode(body);
  const bytes = asBytes(body);
  if (bytes !== undefined) return bytes;
  throw new UsageError(`body: expected bytes or text, got ${body === null ? 'null' : typeof body}`);
}
