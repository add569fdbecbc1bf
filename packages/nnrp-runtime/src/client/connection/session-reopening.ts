import { forCaller, isNnrpError, type NnrpError, TimeoutError } from 'nnrp-core';
import { SessionErrorCode } from 'nnrp-core/preview3';
import { type Guarded, later } from '../../base/guard.js';
import { keptError } from '../../base/kept-error.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { Timer } from '../../platform/platform.js';
import type { ReopenReport } from '../contract/resume-report.js';
import { backoffMs } from '../recovery/backoff.js';
import { neverOpenedAgain } from '../recovery/session-lost.js';
import type { NnrpClientSession } from '../session/client-session.js';
import type { OpenedSession } from '../session/served-session.js';
import { openByToken } from './open-words.js';
import type { OpenRequest } from './session-opening.js';

/** How long a session is opened again for whose server has named no window: the window of a server of this package. */
const DEFAULT_REOPEN_MS = 120_000;

/** What opening sessions again needs of its connection. */
export interface ReopeningConnection extends Guarded {
  readonly config: { readonly reconnectBackoffMs: number };
  /** Whether there is no connection, and another one is to come. */
  readonly isAway: boolean;
  /** Asks the server. @returns rejects when it refuses, or does not answer in time */
  openAgain(session: NnrpClientSession, request: OpenRequest): Promise<unknown>;
  reopened(report: ReopenReport): void;
  /** A session is not opened again; it may have been the last one. */
  gaveUp(error: NnrpError): void;
}

/** When a session was lost, and how long the server would have kept it. */
export interface Loss {
  /** When its connection was lost, in milliseconds of `performance.now()`. */
  readonly sinceMs: number;
  /** Left out where the server has named none. */
  readonly windowMs?: number;
}

interface Reopening {
  readonly session: NnrpClientSession;
  /** What asks for it: by its token first, where the server has given one. */
  request: OpenRequest;
  /** What asks for a new one. */
  readonly anew: OpenRequest;
  readonly error: NnrpError;
  readonly sinceMs: number;
  readonly limitMs: number;
  /** Ends the attempts. */
  readonly limit: Timer;
  /** Until the next one. */
  wait: Timer | undefined;
  attempts: number;
  isAsked: boolean;
  /** Why it is not open yet. */
  why: NnrpError;
}

/**
 * Opens sessions again that were lost with their connection, as soon as there is another one. It goes on for as long as the
 * server would have kept them, counted from their loss.
 */
export class SessionReopening {
  private readonly requests = new WeakMap<NnrpClientSession, OpenRequest>();
  private readonly waiting = new Map<NnrpClientSession, Reopening>();

  constructor(private readonly connection: ReopeningConnection) {}

  /** Whether a session is to be opened again. */
  get isPending(): boolean {
    return this.waiting.size > 0;
  }

  /** Keeps what the session was asked for by. */
  remember(session: NnrpClientSession, { open, body, maxInFlight }: OpenRequest): void {
    this.requests.set(session, { open, body, maxInFlight });
  }

  /** Whether it is opened again when it is lost. */
  takes(session: NnrpClientSession): boolean {
    return session.isReopenable && this.requests.has(session);
  }

  /** @param error - its operations have failed with */
  begin(session: NnrpClientSession, error: NnrpError, { sinceMs, windowMs = DEFAULT_REOPEN_MS }: Loss): void {
    const anew = this.requests.get(session);
    if (anew === undefined) return;
    const { grant, sessionId } = session;
    const request = grant === undefined ? anew : { ...anew, ...openByToken(anew, sessionId, grant.token) };
    const limitMs = Math.min(windowMs, MAX_TIMER_MS);
    const limit = later(this.connection, limitMs, () => this.timedOut(session));
    const common = { wait: undefined, attempts: 0, isAsked: false, why: keptError(error) };
    this.waiting.set(session, { session, request, anew, error, sinceMs, limitMs, limit, ...common });
  }

  /** There is a connection. */
  goOn(): void {
    for (const session of [...this.waiting.keys()]) this.ask(session);
  }

  /** Asks for it, when there is a connection and it is time. */
  ask(session: NnrpClientSession): void {
    const { connection } = this;
    const reopening = this.waiting.get(session);
    if (reopening === undefined || reopening.isAsked || reopening.wait !== undefined || connection.isAway) return;
    reopening.isAsked = true;
    // Its answer is told of by `opened`, before anything that comes behind it.
    connection.openAgain(session, reopening.request).catch((error: unknown) => this.failed(reopening, error));
  }

  /** The server has opened it. */
  opened(session: NnrpClientSession, opened: OpenedSession): void {
    const reopening = this.take(session);
    if (reopening === undefined) return;
    const previousSessionId = session.sessionId;
    session.reopened(opened);
    const awayMs = performance.now() - reopening.sinceMs;
    const { sessionId } = session;
    const report = () => ({ sessionId, previousSessionId, reason: forCaller(reopening.error), awayMs });
    this.connection.reopened(report());
    session.goOn(report());
  }

  /** It is over. */
  forget(session: NnrpClientSession): void {
    this.take(session);
  }

  private take(session: NnrpClientSession): Reopening | undefined {
    const reopening = this.waiting.get(session);
    if (reopening === undefined) return undefined;
    this.waiting.delete(session);
    clearTimeout(reopening.limit);
    clearTimeout(reopening.wait);
    return reopening;
  }

  private failed(reopening: Reopening, error: unknown): void {
    const { session } = reopening;
    if (this.waiting.get(session) !== reopening) return;
    reopening.isAsked = false;
    if (!isNnrpError(error)) {
      this.giveUp(reopening);
      return;
    }
    reopening.why = keptError(error);
    const { request, anew } = reopening;
    if (request !== anew && error.wireCode === SessionErrorCode.ResumeRejected) {
      reopening.request = anew;
      this.ask(session);
      return;
    }
    if (!error.isRetryable && !isIdInUse(error, request)) {
      this.giveUp(reopening);
      return;
    }
    const { connection } = this;
    const delayMs = error.retryAfterMs + backoffMs(reopening.attempts++, connection.config.reconnectBackoffMs);
    reopening.wait = later(connection, Math.min(delayMs, MAX_TIMER_MS), () => {
      reopening.wait = undefined;
      this.ask(session);
    });
  }

  private timedOut(session: NnrpClientSession): void {
    const reopening = this.waiting.get(session);
    if (reopening === undefined) return;
    const { limitMs, why } = reopening;
    reopening.why = new TimeoutError(`not within ${limitMs} ms: ${why.rawMessage}`, limitMs);
    this.giveUp(reopening);
  }

  private giveUp({ session, error, why }: Reopening): void {
    const reason = neverOpenedAgain(session.sessionId, error, why);
    session.disconnected(reason);
    this.connection.gaveUp(reason);
  }
}

/** The server may not have noticed yet that the session before is lost, which has the id. */
function isIdInUse({ wireCode }: NnrpError, { open }: OpenRequest): boolean {
  return open.requestedSessionId !== 0 && wireCode === SessionErrorCode.SessionLimitReached;
}
