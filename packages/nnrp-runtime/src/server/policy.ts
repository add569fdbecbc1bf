import type { preview3 } from 'nnrp-core';

/** What a policy may look at besides the request itself. */
export interface SessionOpenContext {
  /** The peer, such as 127.0.0.1:51000. */
  readonly remoteAddress: string;
  /** The authentication block of the request; empty when none was sent. Not copied. */
  readonly auth: Uint8Array;
}

/** Decides whether a session that the server could grant is granted. */
export interface NnrpServerPolicy {
  /**
   * @returns undefined to grant; a code to refuse with: a SessionErrorCode, or any other unsigned 32-bit
   * number. A policy that throws or rejects refuses with auth_failed, and the error is reported as an event.
   */
  validateSessionOpen(
    open: preview3.SessionOpen,
    context: SessionOpenContext,
  ): number | undefined | Promise<number | undefined>;
}

/** Grants every session. */
export class AllowAllServerPolicy implements NnrpServerPolicy {
  validateSessionOpen(): undefined {
    return undefined;
  }
}
