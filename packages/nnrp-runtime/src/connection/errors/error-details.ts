/** Longest diagnostic text in an ERROR, in bytes (docs/protocol.md A-15). */
const MAX_DIAGNOSTIC_BYTES = 256;
/** Longest block of details behind it, in bytes. */
export const MAX_DETAILS_BYTES = 16 * 1024;
/** Objects and lists in each other within `details`. */
const MAX_DEPTH = 32;
const MAX_CODE_LENGTH = 128;
/** What details take in memory for each byte of their JSON at most: objects, each with keys of its own (measured, rounded up). */
const MEMORY_OF_BYTE = 32;
/** Of details that have parts: what they take in memory. */
const memory = new WeakMap<object, number>();
const UTF8 = new TextEncoder();
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Requests that an ERROR may answer in place of their acknowledgement. */
export type AnsweredRequest = 'SESSION_PATCH' | 'SESSION_MIGRATE';

/**
 * What a failure says to a peer that has announced `PeerMessages.ErrorDetails`, beyond the fields of its message. Of an ERROR
 * it lies behind the diagnostic text in the body, of a SESSION_OPEN_ACK in the extension block, as one JSON object in UTF-8:
 * an extension of this implementation, see docs/errors.md.
 */
export interface ErrorDetails {
  /** What failed, for programs: a code of docs/errors.md, or one of the application's own. */
  readonly code?: string;
  /** The whole text, where the diagnostic has no room for it. */
  readonly message?: string;
  /** Anything that JSON can hold. */
  readonly details?: unknown;
  /** Whether the same may succeed when it is tried again as it is. */
  readonly retryable?: boolean;
  /** Milliseconds to wait before that, where the message has no field for it. */
  readonly retryAfterMs?: number;
  /** The ERROR is the answer to the oldest request of this kind that has none. */
  readonly answers?: AnsweredRequest;
}

/**
 * @returns undefined when JSON cannot hold the details, they nest deeper than 32, or the block would be longer than
 * {@link MAX_DETAILS_BYTES}
 */
export function encodeDetails(given: ErrorDetails): Uint8Array | undefined {
  const { code, message, details, retryable, retryAfterMs, answers } = given;
  try {
    if (details !== undefined && JSON.stringify(details) === undefined) return undefined;
    const text = JSON.stringify({ code, message, details, retryable, retryAfterMs, answers });
    if (text.length > MAX_DETAILS_BYTES || isTooDeep(JSON.parse(text), MAX_DEPTH + 1)) return undefined;
    const block = UTF8.encode(text);
    return block.length > MAX_DETAILS_BYTES ? undefined : block;
  } catch {
    // A bigint, a circle, a toJSON that throws.
    return undefined;
  }
}

/** Bytes of memory that details take which came from the other side. */
export function bytesOfDetails(details: unknown): number {
  if (typeof details === 'string') return details.length * 2;
  return typeof details === 'object' && details !== null ? (memory.get(details) ?? 0) : 0;
}

/** What a block says, field by field; one that is malformed, or too long, says nothing. */
export function decodeDetails(block: Uint8Array): ErrorDetails {
  if (block.length === 0 || block.length > MAX_DETAILS_BYTES) return NO_DETAILS;
  let parsed: unknown;
  try {
    parsed = JSON.parse(STRICT_UTF8.decode(block));
  } catch {
    return NO_DETAILS;
  }
  if (typeof parsed !== 'object' || parsed === null || isTooDeep(parsed, MAX_DEPTH + 1)) return NO_DETAILS;
  const { code, message, details, retryable, retryAfterMs, answers } = parsed as Record<string, unknown>;
  if (typeof details === 'object' && details !== null) memory.set(details, block.length * MEMORY_OF_BYTE);
  return {
    ...(isErrorCode(code) && { code }),
    ...(typeof message === 'string' && { message }),
    ...(details !== undefined && { details }),
    ...(typeof retryable === 'boolean' && { retryable }),
    ...(isU32(retryAfterMs) && { retryAfterMs }),
    ...(isAnsweredRequest(answers) && { answers }),
  };
}

/** Whether it can be the code of an error: 1 to 128 characters of ASCII, none of which a terminal obeys. */
export function isErrorCode(code: unknown): code is string {
  return typeof code === 'string' && code.length <= MAX_CODE_LENGTH && /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(code);
}

/** The text as far as the diagnostic of an ERROR has room for it. */
export function diagnosticText(text: string): string {
  return STRICT_UTF8.decode(diagnosticOf(text).bytes);
}

/** The text as the diagnostic of an ERROR: UTF-8, cut between two characters where it is too long. */
export function diagnosticOf(text: string): { readonly bytes: Uint8Array; readonly isCut: boolean } {
  const bytes = new Uint8Array(Math.min(MAX_DIAGNOSTIC_BYTES, text.length * 3));
  const { read, written } = UTF8.encodeInto(text, bytes);
  return { bytes: bytes.subarray(0, written), isCut: read < text.length };
}

/**
 * The body of an ERROR: the diagnostic, then the details where there are any and the peer understands them. A text that is
 * too long for both is cut.
 */
export function errorBody(
  text: string,
  details: ErrorDetails | undefined,
  understandsDetails: boolean,
): { readonly body: Uint8Array; readonly diagnosticBytes: number } {
  const { bytes, isCut } = diagnosticOf(text);
  const diagnosticBytes = bytes.length;
  if (!understandsDetails || (details === undefined && !isCut)) return { body: bytes, diagnosticBytes };
  const block = encodeDetails(isCut ? { ...details, message: text } : { ...details }) ?? encodeDetails({ ...details });
  if (block === undefined) return { body: bytes, diagnosticBytes };
  const body = new Uint8Array(diagnosticBytes + block.length);
  body.set(bytes);
  body.set(block, diagnosticBytes);
  return { body, diagnosticBytes };
}

const NO_DETAILS: ErrorDetails = Object.freeze({});

function isU32(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff;
}

function isAnsweredRequest(value: unknown): value is AnsweredRequest {
  return value === 'SESSION_PATCH' || value === 'SESSION_MIGRATE';
}

function isTooDeep(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (left === 0) return true;
  return Object.values(value).some((entry) => isTooDeep(entry, left - 1));
}
