import type { NnrpError, ProtocolError, preview3 } from 'nnrp-core';

/** A session that was refused; the peer has been told. */
export interface SessionRefused {
  readonly remoteAddress: string;
  readonly open: preview3.SessionOpen;
  /** The session_error_code that was sent. */
  readonly errorCode: number;
  /** What a policy threw, when that is why. */
  readonly cause?: unknown;
}

/** A connection that ended other than by an orderly close; its sessions ended with it. */
export interface ConnectionLost {
  readonly remoteAddress: string;
  readonly error: NnrpError;
  readonly sessionIds: readonly number[];
}

/** A rule that a peer broke. */
export interface ProtocolViolation {
  readonly remoteAddress: string;
  /** 0 = the connection itself. */
  readonly sessionId: number;
  readonly error: ProtocolError;
}

/** What a server reports besides sessions. Listening is optional; nothing is thrown when nobody does. */
export interface NnrpServerEvents {
  sessionRefused: [SessionRefused];
  connectionLost: [ConnectionLost];
  protocolViolation: [ProtocolViolation];
  /** The listener failed; nothing more is accepted. */
  listenerFailed: [NnrpError];
}
