import { UsageError } from 'nnrp-core';

const UTF8 = new TextEncoder();

/** What may be sent as a body: bytes in any form, or text, which is sent as UTF-8. */
export type BodyInput = Uint8Array | ArrayBufferView | ArrayBuffer | string;

/**
 * The bytes of a body, not copied unless it is text.
 *
 * @throws UsageError on anything else: a wrong type must not reach the stream, where it would shift everything after it
 */
export function bodyBytes(body: BodyInput): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (typeof body === 'string') return UTF8.encode(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw new UsageError(`body: expected bytes or text, got ${body === null ? 'null' : typeof body}`);
}
