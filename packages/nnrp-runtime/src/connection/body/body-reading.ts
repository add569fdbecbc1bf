import { requireJson } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';

/** Bytes of the caller's own. A type of every TypeScript from 5.4 on, other than `Uint8Array<ArrayBuffer>`. */
export type OwnBytes = Uint8Array & { readonly buffer: ArrayBuffer };

/**
 * Bytes that have come. They never lie in shared memory, so that they may be given to what refuses that: Web Crypto, Blob, fetch.
 * From TypeScript 5.7 on, the first that knows it, this is `Uint8Array<ArrayBuffer>`.
 */
export type BodyBytes = ReturnType<Uint8ArrayConstructor['of']>;

const UTF8 = new TextDecoder();

/** The body as text. Invalid UTF-8 becomes U+FFFD, and a byte order mark at the beginning is left out. */
export function bodyText(body: Uint8Array): string {
  return UTF8.decode(body);
}

/**
 * The body as a value, and how many objects, lists and members it has.
 * @throws UsageError when the body is no JSON, or more of it than is read
 */
export function bodyJson(body: Uint8Array, frameId: number): ReturnType<typeof requireJson> {
  return requireJson(UTF8.decode(body), `frame ${frameId}: json() takes a body of JSON`, body.length);
}

/** A copy in memory of its own, from its beginning on, so that a typed array of any kind may lie over it. */
export function bodyCopy(body: Uint8Array): OwnBytes {
  // Not slice: the body may be a Buffer, whose slice copies nothing.
  return new Uint8Array(body) as OwnBytes;
}

/** @throws WireError when the body is no region body or breaks its rules */
export function bodyFrames(
  body: Uint8Array,
  metadata: preview3.FrameSubmit | preview3.ResultPush,
  decodeBody: typeof preview3.decodeBody,
): readonly preview3.TypedPayloadFrame[] {
  return decodeBody(body, metadata).typedPayloads;
}
