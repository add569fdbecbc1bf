import type { NnrpError } from 'nnrp-core';
import type { ResumableSession } from './resumable-session.js';
import { windowOver } from './session-lost.js';

export const NEVER = Number.POSITIVE_INFINITY;

/** The time from the loss of a connection until sessions go on. */
export interface Gap {
  readonly sinceMs: number;
  /** When no session can be resumed any more. */
  endsAtMs: number;
  /** Why the connection was lost, then why the last attempt has failed. */
  error: NnrpError;
  replayed: number;
  /** Whether the connection carried no session. */
  readonly isSessionless: boolean;
}

/** A connection is lost. @param before - set when it was to take the place of another one */
export function gapSince(
  nowMs: number,
  error: NnrpError,
  sessions: Iterable<ResumableSession>,
  before: Gap | undefined,
  isSessionless: boolean,
): Gap {
  const gap = before ?? { sinceMs: nowMs, endsAtMs: nowMs, error, replayed: 0, isSessionless };
  gap.error = error;
  for (const { endsAtMs } of sessions) gap.endsAtMs = Math.max(gap.endsAtMs, endsAtMs);
  return gap;
}

/** Whose sessions they are. */
export interface WindowsOwner {
  /** Milliseconds that a session has beyond its window. */
  graceMs(session: ResumableSession): number;
  sessionLost(session: ResumableSession, error: NnrpError): void;
}

/**
 * Gives up the sessions that cannot be resumed any more.
 *
 * @param nowMs - of `performance.now()`: a timer that calls this may be late
 * @param why - there is no connection; undefined while there is one: then the server has put off those that are not on it
 * @returns when the next one is due, or {@link NEVER}
 */
export function loseLate(
  nowMs: number,
  sessions: Iterable<ResumableSession>,
  owner: WindowsOwner,
  why: NnrpError | undefined,
): number {
  let nextMs = NEVER;
  for (const session of [...sessions]) {
    if (session.isAttached) continue;
    const endsAtMs = session.endsAtMs + owner.graceMs(session);
    if (endsAtMs > nowMs) nextMs = Math.min(nextMs, endsAtMs);
    else owner.sessionLost(session, windowOver(session, session.refusal ?? (why as NnrpError)));
  }
  return nextMs;
}
