import type { NnrpError, ProtocolError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { InternalError } from '../../base/internal-error.js';
import type { AcceptFailure } from '../../transport/contract/contract.js';
import type { BoundReached } from './server-bounds.js';

/** A session that was refused; the peer has been told. */
export interface SessionRefused {
  readonly remoteAddress: string;
  readonly open: preview3.SessionOpen;
  /** The session_error_code that was sent. */
  readonly errorCode: number;
  /** What a policy threw, when that is why. */
  readonly cause?: unknown;
}

/** A connection that ended other than by an orderly close; its sessions ended with it, unless they are suspended. */
export interface ConnectionLost {
  readonly remoteAddress: string;
  readonly error: NnrpError;
  readonly sessionIds: readonly number[];
}

/** A session that has lost its connection, and waits for its client to resume it; its operations go on. */
export interface SessionSuspended {
  readonly sessionId: number;
  /** Of the connection that is lost. */
  readonly remoteAddress: string;
  readonly error: NnrpError;
  /** Milliseconds that it waits. */
  readonly windowMs: number;
}

/** A session that goes on over another connection. */
export interface SessionResumed {
  readonly sessionId: number;
  readonly remoteAddress: string;
  /** Milliseconds that it was without a connection. */
  readonly awayMs: number;
}

/** A session that ended because it was not resumed in time, or because more were suspended than may be. */
export interface SessionExpired {
  readonly sessionId: number;
  /** Of the connection that it had last. */
  readonly remoteAddress: string;
  readonly error: NnrpError;
}

/** A rule that a peer broke. */
export interface ProtocolViolation {
  readonly remoteAddress: string;
  /** 0 = the connection itself. */
  readonly sessionId: number;
  readonly error: ProtocolError;
}

/** An ERROR that a peer sent about the connection, or about a session that is over. */
export interface PeerErrorReport {
  readonly remoteAddress: string;
  /** 0 = the connection itself. */
  readonly sessionId: number;
  readonly error: preview3.ErrorMessage;
  /** What the peer says of it, for people; empty as it may be. */
  readonly diagnostic: string;
}

/** What a handler of `serve` threw, other than a HandlerError for the client; the frame has been answered with a drop. */
export interface HandlerFailure {
  readonly sessionId: number;
  /** 0 when it was no frame's handler. */
  readonly frameId: number;
  readonly error: unknown;
}

/** A handler that still runs although its operation is over: it does not look at its signal, or waits for ever. */
export interface HandlerStuck {
  readonly sessionId: number;
  readonly frameId: number;
  readonly remoteAddress: string;
  /** Milliseconds since its operation was over. */
  readonly forMs: number;
}

/** What a server reports besides sessions. Listening is optional; nothing is thrown without a listener. */
export interface NnrpServerEvents {
  sessionRefused: [SessionRefused];
  connectionLost: [ConnectionLost];
  sessionSuspended: [SessionSuspended];
  sessionResumed: [SessionResumed];
  sessionExpired: [SessionExpired];
  protocolViolation: [ProtocolViolation];
  peerError: [PeerErrorReport];
  /** Without a listener of this event the first is a warning of the process, and what follows one a minute at most. */
  handlerFailure: [HandlerFailure];
  /** A handler runs on for `stuckHandlerMs` after its operation is over. */
  handlerStuck: [HandlerStuck];
  /**
   * A defect: the server's own code has thrown, or a listener or a policy of the application has where nothing can be
   * answered. The connection of a defect is over; a listener that throws costs nothing. Without a listener of this event it
   * is a warning of the process.
   */
  internalError: [InternalError];
  /** Connections could not be taken, for want of descriptors or memory as a rule; at most once a second. Listening goes on. */
  acceptFailed: [AcceptFailure];
  /** Something was refused, cut or made to wait because a bound was reached; for each bound at most once a second. */
  boundReached: [BoundReached];
  /** A listener failed, and accepts nothing more. With the last one of a server `accept` and `serve` reject, too. */
  listenerFailed: [NnrpError];
}
