import { UsageError } from 'nnrp-core';
import { asBytes, hasItsLength, liesWhereItSays } from '../../base/bytes.js';
import { tagOf } from '../../base/options.js';
import { awaitHint, ignoreRejectionsWithin } from '../../base/thenable.js';
import { types, utf8Length } from '../../platform/platform.js';
import { COPY_LIMIT } from '../../transport/stream/lent-packet.js';

const UTF8 = new TextEncoder();
const { keys: keysOf } = Uint8Array.prototype;
/** body_length is a u32. */
const MAX_BODY_BYTES = 0xffffffff;

/** Bytes in any form, or text, which is sent as UTF-8. */
export type BodyChunk = Uint8Array | ArrayBufferView | ArrayBuffer | string;

/**
 * What may be sent as a body: bytes, text, or a list of such chunks, which are sent behind each other as one body. A list is
 * joined in the call, by one copy of each chunk: it and its chunks may be changed afterwards, whatever their length.
 */
export type BodyInput = BodyChunk | readonly BodyChunk[];

/**
 * The bytes of a body, not copied unless it is text or a list. Its length is the true one, and so is all else where it may
 * be lent.
 *
 * @param what - the option or argument that it was given as
 * @throws UsageError on anything else: a wrong type must not reach the stream, where it would shift everything after it;
 * and on memory that was transferred away, or made shorter than where the bytes lie, which would be sent as an empty body
 */
export function bodyBytes(body: BodyInput, what = 'body'): Uint8Array {
  if (typeof body === 'string') return UTF8.encode(body);
  const bytes = viewed(body, what);
  if (bytes !== undefined) return bytes;
  if (Array.isArray(body)) return joinedChunks(body, what);
  ignoreRejectionsWithin(body);
  const kind = kindOf(body);
  const hint = bodyHint(body) || (kind === 'object' ? ` of the kind ${tagOf(body)}` : '');
  throw new UsageError(`${what}: expected bytes, text or a list of both, got ${kind}${hint}`);
}

/** Whether {@link bodyBytes} has made the bytes of this body anew, so that no other code has them. */
export function isMadeAnew(body: BodyInput): boolean {
  return typeof body === 'string' || Array.isArray(body);
}

/** The bytes in memory of their own, for what is needed after the call. @throws UsageError as {@link bodyBytes} does */
export function ownBytes(body: BodyInput, what?: string): Uint8Array {
  const bytes = bodyBytes(body, what);
  return isMadeAnew(body) ? bytes : new Uint8Array(bytes);
}

/**
 * The bytes of a message that is never lent. Transports copy short bodies, so only long ones are copied here.
 * @throws UsageError as {@link bodyBytes} does
 */
export function unlentBytes(body: BodyInput, what?: string): Uint8Array {
  const bytes = bodyBytes(body, what);
  return bytes.length <= COPY_LIMIT || isMadeAnew(body) ? bytes : new Uint8Array(bytes);
}

/** Every chunk is looked at before any is copied: what stands in a list may be anything, and change. */
function joinedChunks(list: readonly unknown[], what: string): Uint8Array {
  const chunks: (Uint8Array | string)[] = [];
  let length = 0;
  for (let at = 0; at < list.length; at++) {
    const chunk = list[at];
    const bytes = typeof chunk === 'string' ? chunk : viewed(chunk, `${what}: chunk ${at}`);
    if (bytes === undefined) {
      ignoreRejectionsWithin(list);
      const found = `${kindOf(chunk)}${awaitHint(chunk)}`;
      throw new UsageError(`${what}: chunk ${at}: expected bytes or text, got ${found}`);
    }
    chunks.push(bytes);
    length += typeof bytes === 'string' ? utf8Length(bytes) : bytes.length;
    if (length > MAX_BODY_BYTES)
      throw new UsageError(
        `${what}: the first ${at + 1} chunks have ${length} bytes, and a body at most ${MAX_BODY_BYTES}`,
      );
  }
  return copiedTogether(chunks, length, what);
}

/**
 * An entry of the list may have been a getter that took the memory of another one away.
 * @throws UsageError when a chunk has lost its memory since its length was asked for
 */
function copiedTogether(chunks: readonly (Uint8Array | string)[], length: number, what: string): Uint8Array {
  const joined = new Uint8Array(length);
  let end = 0;
  for (const chunk of chunks) {
    if (typeof chunk === 'string') end += UTF8.encodeInto(chunk, joined.subarray(end)).written;
    else if (chunk.length > 0 && chunk.length <= length - end) {
      joined.set(chunk, end);
      end += chunk.length;
    }
  }
  if (end !== length) throw detached(what);
  return joined;
}

/** What a refusal adds: that the value is a promise, or that JSON makes a body of it. Of a Blob or a Map it would make `{}`. */
export function bodyHint(value: unknown): string {
  const isData = typeof value === 'number' || tagOf(value) === 'Object';
  return awaitHint(value) || (isData ? '; JSON.stringify makes text of it' : '');
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

/**
 * The bytes of a view or buffer, not copied.
 * @returns undefined when it is neither
 * @throws UsageError when its memory was transferred away, or ends before it
 */
export function viewed(body: unknown, what: string): Uint8Array | undefined {
  // The common case, at once; those of other realms and classes are taken below.
  const isPlain = body instanceof Uint8Array && hasItsLength(body);
  try {
    const bytes = isPlain && (body.length <= COPY_LIMIT || liesWhereItSays(body)) ? body : asBytes(body);
    // A typed array whose memory is gone seems to be empty; its methods throw. DataViews throw by themselves.
    if (bytes?.length === 0 && ArrayBuffer.isView(body) && !types.isDataView(body)) keysOf.call(body);
    return bytes;
  } catch {
    throw detached(what);
  }
}

function detached(what: string): UsageError {
  return new UsageError(`${what}: its memory was transferred away, or made shorter, so there is nothing to send`);
}
