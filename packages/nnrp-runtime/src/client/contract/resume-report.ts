import type { NnrpError } from 'nnrp-core';

/** What was reached when sessions go on. */
export interface ResumeReport {
  /** Milliseconds since the connection was lost. */
  readonly awayMs: number;
  /** Sessions that go on; 0 when the client had none. */
  readonly sessions: number;
  /** Packets that the server had not got, and has been sent now. */
  readonly replayed: number;
}

/** A session that was lost with its connection has another one of the server in its place. */
export interface ReopenReport {
  /** Of the new one. */
  readonly sessionId: number;
  /** Of the one that was lost; the server may have given the new one the same. */
  readonly previousSessionId: number;
  /** Why that was lost: what its operations have failed with. */
  readonly reason: NnrpError;
  /** Milliseconds since the connection was lost. */
  readonly awayMs: number;
}
