import type { ApplicationErrorCode, NnrpErrorCode, WireErrorCode } from './faults/error-code.js';
import type { WireFault } from './faults/fault.js';
import { describeRule } from './faults/rule-text.js';
import { ErrorCode } from './generated/preview3/enums.js';
import { INSPECT, type Inspect } from './text/inspected.js';
import { inspectedError } from './text/inspected-error.js';
import { plainError } from './text/plain-data.js';
import { printable } from './text/printable.js';

/** Marks errors of every copy of this package, so that {@link isNnrpError} works across duplicates. */
const BRAND = Symbol.for('nnrp.error');
/** The same for what a peer has reported. */
const PEER_BRAND = Symbol.for('nnrp.peerError');
/** Longer messages are cut: what is in them may come from a peer. */
const MAX_MESSAGE_BYTES = 20_000;

/** What an error may say besides its message; what is left out has the default of its class. */
export interface NnrpErrorOptions {
  readonly cause?: unknown;
  readonly wireCode?: number;
  readonly isRetryable?: boolean;
  readonly retryAfterMs?: number;
  readonly details?: unknown;
}

/**
 * Base of every error the packages throw. `code` is stable and documented in docs/errors.md; the message starts with
 * it and names what was expected, what came and where.
 */
export class NnrpError extends Error {
  /** One of these packages, or of the server's application where a {@link PeerError} brings it. */
  readonly code: NnrpErrorCode | ApplicationErrorCode;
  /** The message without the code in front. */
  readonly rawMessage: string;
  /** The code on the wire that says the same: session_error_code or ERROR.error_code; 0 = none. */
  readonly wireCode: number;
  /**
   * Whether the same call may succeed when it is made again as it is, on a new connection where this one is over. It does
   * not say that nothing was done: where the connection was lost, the work may have been.
   */
  readonly isRetryable: boolean;
  /** Milliseconds to wait before a retry; 0 when nobody gave any. */
  readonly retryAfterMs: number;
  /** What else the other side says about the failure, plain JSON data; undefined as a rule. */
  readonly details: unknown;

  constructor(code: NnrpErrorCode | ApplicationErrorCode, message: string, options: NnrpErrorOptions = {}) {
    const text = printable(message, MAX_MESSAGE_BYTES);
    super(`[${printable(code)}] ${text}`, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.rawMessage = text;
    this.wireCode = options.wireCode ?? 0;
    this.isRetryable = options.isRetryable ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.details = options.details;
    this.name = new.target.name;
  }

  get [BRAND](): true {
    return true;
  }

  /** Name, code and message, what else the error says, and the same of its cause: what a log that writes JSON shows. */
  toJSON(): Record<string, unknown> {
    return plainError(this);
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspectedError(this, depth, options, inspect);
  }
}

/** The bytes are wrong, or a value cannot be written: a {@link WireFault} with the structure it was found in. */
export class WireError extends NnrpError {
  declare readonly code: WireErrorCode;

  constructor(
    readonly fault: WireFault,
    /** Name of the structure or region, such as SESSION_OPEN. */
    readonly where: string,
    options?: NnrpErrorOptions,
  ) {
    super(`NNRP_ERR_${fault.kind.toUpperCase()}`, `${where}: ${describeFault(fault)}`, options);
  }
}

/** The peer broke a rule of the protocol; `wireCode` is the error code that answers it (docs/protocol.md 9.4). */
export class ProtocolError extends NnrpError {
  declare readonly code: 'NNRP_ERR_PROTOCOL';

  constructor(
    message: string,
    wireCode: number,
    readonly fault?: WireFault,
  ) {
    super('NNRP_ERR_PROTOCOL', message, { wireCode });
  }
}

/** The peer reported a failure: a refused open, an ERROR message, a dropped result. */
export class PeerError extends NnrpError {
  /**
   * @param wireCode - the code on the wire: session_error_code or ERROR.error_code
   * @param retryAfterMs - milliseconds to wait before a retry; 0 when the peer gave none
   * @param options - a peer that says when to try again says that it may help, unless `isRetryable` says otherwise
   */
  constructor(
    code: NnrpErrorCode | ApplicationErrorCode,
    message: string,
    wireCode: number,
    retryAfterMs = 0,
    options: NnrpErrorOptions = {},
  ) {
    super(code, message, { ...options, wireCode, retryAfterMs, isRetryable: options.isRetryable ?? retryAfterMs > 0 });
  }

  get [PEER_BRAND](): true {
    return true;
  }
}

/** The connection failed or ended. */
export class TransportError extends NnrpError {
  declare readonly code: 'NNRP_ERR_TRANSPORT';

  constructor(message: string, options: NnrpErrorOptions = {}) {
    super('NNRP_ERR_TRANSPORT', message, { isRetryable: true, ...options });
  }
}

/** The caller of this library made a mistake; nothing was sent. */
export class UsageError extends NnrpError {
  declare readonly code: 'NNRP_ERR_USAGE';

  constructor(message: string, options?: NnrpErrorOptions) {
    super('NNRP_ERR_USAGE', message, options);
  }
}

/** The session or the endpoint has ended, so the call cannot be carried out. */
export class ClosedError extends NnrpError {
  declare readonly code: 'NNRP_ERR_CLOSED';

  constructor(message: string, options?: NnrpErrorOptions) {
    super('NNRP_ERR_CLOSED', message, options);
  }
}

/** Something did not happen within its time. */
export class TimeoutError extends NnrpError {
  declare readonly code: 'NNRP_ERR_TIMEOUT';

  constructor(
    message: string,
    /** Milliseconds waited. */
    readonly timeoutMs: number,
  ) {
    super('NNRP_ERR_TIMEOUT', message, { isRetryable: true });
  }
}

/** Work was given up because one side cancelled it: this one, unless the code says that the server did. */
export class CancelledError extends NnrpError {
  declare readonly code: 'NNRP_ERR_CANCELLED' | 'NNRP_ERR_CANCELLED_BY_SERVER';

  constructor(
    message: string,
    options?: NnrpErrorOptions,
    code: 'NNRP_ERR_CANCELLED' | 'NNRP_ERR_CANCELLED_BY_SERVER' = 'NNRP_ERR_CANCELLED',
  ) {
    super(code, message, options);
  }
}

/** Work was not finished by its deadline. */
export class DeadlineError extends NnrpError {
  declare readonly code: 'NNRP_ERR_DEADLINE';

  constructor(
    message: string,
    /** Milliseconds that were granted; 0 when only the server knows. */
    readonly deadlineMs: number,
    options?: NnrpErrorOptions,
  ) {
    super('NNRP_ERR_DEADLINE', message, { wireCode: ErrorCode.FrameExpired, ...options });
  }
}

/** Flow control forbids new work at the moment, and the caller asked not to wait; nothing was sent. */
export class FlowBlockedError extends NnrpError {
  declare readonly code: 'NNRP_ERR_FLOW_BLOCKED';

  constructor(
    message: string,
    /** What forbids it, such as credit or paused. */
    readonly reason: string,
    /** Milliseconds to wait before a retry; 0 when the peer gave none. */
    retryAfterMs = 0,
  ) {
    super('NNRP_ERR_FLOW_BLOCKED', message, { isRetryable: true, retryAfterMs });
  }
}

/** The class of the errors with a code; of codes that are not in it, PeerError brings most. */
interface ErrorClasses extends Record<WireErrorCode, WireError> {
  readonly NNRP_ERR_PROTOCOL: ProtocolError;
  readonly NNRP_ERR_TRANSPORT: TransportError;
  readonly NNRP_ERR_USAGE: UsageError;
  readonly NNRP_ERR_CLOSED: ClosedError;
  readonly NNRP_ERR_TIMEOUT: TimeoutError;
  readonly NNRP_ERR_CANCELLED: CancelledError;
  readonly NNRP_ERR_CANCELLED_BY_SERVER: CancelledError;
  readonly NNRP_ERR_DEADLINE: DeadlineError;
  readonly NNRP_ERR_FLOW_BLOCKED: FlowBlockedError;
}

/**
 * Whether `error` comes from these packages (any copy of them), and has the code when one is given. Where all errors with
 * the code are of one class, it is of that class to the compiler.
 */
export function isNnrpError(error: unknown): error is NnrpError;
export function isNnrpError<Code extends keyof ErrorClasses>(error: unknown, code: Code): error is ErrorClasses[Code];
export function isNnrpError(error: unknown, code?: NnrpErrorCode | ApplicationErrorCode): error is NnrpError;
export function isNnrpError(error: unknown, code?: string): error is NnrpError {
  if (typeof error !== 'object' || error === null) return false;
  try {
    return BRAND in error && (code === undefined || (error as NnrpError).code === code);
  } catch {
    // Anything may be thrown, also what cannot be looked at.
    return false;
  }
}

/** Whether it is a {@link WireError} of any copy of this package. */
export function isWireError(error: unknown): error is WireError {
  return isNnrpError(error) && 'fault' in error && 'where' in error;
}

/** Whether it is a {@link PeerError} of any copy of this package. */
export function isPeerError(error: unknown): error is PeerError {
  return isNnrpError(error) && PEER_BRAND in error;
}

/** One sentence on a fault: what was expected and what came. */
export function describeFault(fault: WireFault): string {
  switch (fault.kind) {
    case 'source_too_short':
    case 'destination_too_short':
      return `expected at least ${fault.expected} bytes, got ${fault.actual}`;
    case 'invalid_magic':
      return "expected the bytes 'NNRP'";
    case 'invalid_header_length':
      return `expected header_len 40, got ${fault.value}`;
    case 'unsupported_version_major':
      return `expected version_major 1, got ${fault.value}`;
    case 'unsupported_wire_format':
      return `expected wire_format 0, got ${fault.value}`;
    case 'unknown_message_type':
      return `message_type ${hex(fault.value)} is not assigned`;
    case 'unknown_enum_value':
      return `${fault.enum} has no value ${fault.value}`;
    case 'reserved_bits_set':
      return `bits ${hex(fault.value)} where only ${hex(fault.allowed)} are assigned`;
    case 'nonzero_reserved_field':
      return `${fault.field} must be zero`;
    case 'invalid_combination':
      return describeRule(fault.rule);
    case 'packet_length_mismatch':
      return `the header declares ${fault.declared} bytes, got ${fault.actual}`;
    case 'message_length_overflow':
      return 'the lengths do not fit 32 bits';
    case 'packet_too_large':
      return `the header declares ${fault.declared} bytes, the limit is ${fault.limit}`;
    case 'metadata_length_mismatch':
      return `expected exactly ${fault.expected} metadata bytes, got ${fault.actual}`;
    case 'unexpected_body':
      return `expected no body, got ${fault.actual} bytes`;
    case 'invalid_header_id':
      return `expected a ${fault.expected} ${fault.field} in the header, got ${fault.actual}`;
    case 'too_many_items':
      return `expected at most ${fault.limit} items, got ${fault.actual}`;
    case 'field_out_of_range':
      return `${fault.field} is a ${fault.type}, got ${fault.value}`;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}
