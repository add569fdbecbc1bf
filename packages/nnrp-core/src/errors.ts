import type { ApplicationErrorCode, NnrpErrorCode, WireErrorCode } from './faults/error-code.js';
import type { WireFault } from './faults/fault.js';
import { BRAND, NnrpError, type NnrpErrorOptions } from './faults/nnrp-error.js';
import type { WireError } from './faults/wire-error.js';
import { ErrorCode } from './generated/preview3/enums.js';

/** Marks what a peer has reported, as BRAND marks every error. */
const PEER_BRAND = Symbol.for('nnrp.peerError');
/** The peer broke a rule of the protocol; `wireCode` is the error code that answers it (docs/protocol.md 9.4). */
export class ProtocolError extends NnrpError {
  static override readonly name: string = 'ProtocolError';
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
  static override readonly name: string = 'PeerError';
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
  static override readonly name: string = 'TransportError';
  declare readonly code: 'NNRP_ERR_TRANSPORT';

  constructor(message: string, options: NnrpErrorOptions = {}) {
    super('NNRP_ERR_TRANSPORT', message, { isRetryable: true, ...options });
  }
}

/** The caller of this library made a mistake; nothing was sent. */
export class UsageError extends NnrpError {
  static override readonly name: string = 'UsageError';
  declare readonly code: 'NNRP_ERR_USAGE';

  constructor(message: string, options?: NnrpErrorOptions) {
    super('NNRP_ERR_USAGE', message, options);
  }
}

/** The session or the endpoint has ended, so the call cannot be carried out. */
export class ClosedError extends NnrpError {
  static override readonly name: string = 'ClosedError';
  declare readonly code: 'NNRP_ERR_CLOSED';

  constructor(message: string, options?: NnrpErrorOptions) {
    super('NNRP_ERR_CLOSED', message, options);
  }
}

/** Something did not happen within its time. */
export class TimeoutError extends NnrpError {
  static override readonly name: string = 'TimeoutError';
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
  static override readonly name: string = 'CancelledError';
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
  static override readonly name: string = 'DeadlineError';
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
  static override readonly name: string = 'FlowBlockedError';
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

/**
 * The connection was lost, and its session could not be resumed. `isRetryable` says that the server cannot have seen the
 * work; where it does not, the work may have been done.
 */
export class SessionLostError extends NnrpError {
  static override readonly name: string = 'SessionLostError';
  declare readonly code: 'NNRP_ERR_SESSION_LOST';

  constructor(
    message: string,
    /** The last frame whose submit has been handed to a connection, 0 = none: the server cannot have seen those after it. */
    readonly lastSentFrameId: number,
    options?: NnrpErrorOptions,
  ) {
    super('NNRP_ERR_SESSION_LOST', message, options);
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
  readonly NNRP_ERR_SESSION_LOST: SessionLostError;
}

/**
 * Whether `error` comes from these packages (any copy of them), and has the code when one is given. Where all errors with
 * the code are of one class, it is of that class to the compiler. A code of the application itself, see HandlerError of
 * nnrp-runtime, is compared by `isPeerError(error) && error.code === 'OUT_OF_STOCK'`.
 */
export function isNnrpError(error: unknown): error is NnrpError;
export function isNnrpError<Code extends keyof ErrorClasses>(error: unknown, code: Code): error is ErrorClasses[Code];
export function isNnrpError(error: unknown, code?: NnrpErrorCode): error is NnrpError;
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
