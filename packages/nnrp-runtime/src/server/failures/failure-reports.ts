import { forCaller, ignoreRejectionsWithin, isNnrpError } from 'nnrp-core';
import type { ApplicationEvents } from '../../base/application/application-events.js';
import { tell } from '../../base/application/application-events.js';
import { Log, type Logger, type LogLevel, logEvent } from '../../base/application/logger.js';
import type { Guarded } from '../../base/guard.js';
import type { InternalError } from '../../base/internal-error.js';
import type { ConnectionLost, HandlerFailure, NnrpServerEvents, SessionSuspended } from '../contract/server-events.js';
import { HANDLER_WORDS, INTERNAL_WORDS, UnhandledFailures } from './unhandled-failures.js';

const LEVELS: Readonly<Record<keyof NnrpServerEvents, LogLevel>> = {
  sessionRefused: 'info',
  connectionLost: 'info',
  sessionSuspended: 'info',
  sessionResumed: 'info',
  sessionExpired: 'warn',
  protocolViolation: 'warn',
  peerError: 'info',
  handlerFailure: 'error',
  handlerStuck: 'warn',
  internalError: 'error',
  acceptFailed: 'error',
  boundReached: 'warn',
  listenerFailed: 'error',
};

/** The names of all events. */
export const SERVER_EVENTS = Object.keys(LEVELS) as (keyof NnrpServerEvents)[];

/**
 * What a server tells: events for listeners, and lines for its logger. Failures of handlers and internal errors are warnings of
 * the process where there is neither.
 */
export class FailureReports {
  private readonly handlerFailures: UnhandledFailures<HandlerFailure>;
  private readonly internalErrors: UnhandledFailures<InternalError>;
  private readonly log: Log | undefined;

  constructor(
    private readonly server: ApplicationEvents<NnrpServerEvents> & Guarded,
    logger: Logger | undefined,
  ) {
    this.handlerFailures = new UnhandledFailures(server, HANDLER_WORDS);
    this.internalErrors = new UnhandledFailures(server, INTERNAL_WORDS);
    this.log = logger && new Log(logger);
  }

  tell<Name extends keyof NnrpServerEvents>(name: Name, event: NnrpServerEvents[Name][0]): void {
    logEvent(this.log, LEVELS, name, event);
    tell<NnrpServerEvents, Name>(this.server, name, event, (error, listener) => {
      this.internalError(error, undefined, listener);
    });
  }

  connectionEnded(loss: ConnectionLost): void {
    if (!isNnrpError(loss.error, 'NNRP_ERR_CLOSED')) this.tell('connectionLost', loss);
  }

  /** All sessions of a connection are suspended with the same error; each listener gets its own copy of it. */
  sessionSuspended(event: SessionSuspended): void {
    const isHeard = this.server.listenerCount('sessionSuspended') > 0;
    this.tell('sessionSuspended', isHeard ? { ...event, error: forCaller(event.error) } : event);
  }

  handlerFailed(failure: HandlerFailure): void {
    if (this.log === undefined && this.server.listenerCount('handlerFailure') === 0) this.handlerFailures.add(failure);
    else this.tell('handlerFailure', failure);
  }

  /** @param listener - the event of which a listener has thrown it; none where it is a defect of this package */
  internalError(error: unknown, remoteAddress?: string, listener?: string): void {
    ignoreRejectionsWithin(error, 0);
    const { log, server } = this;
    const event = {
      error,
      ...(remoteAddress !== undefined && { remoteAddress }),
      ...(listener !== undefined && { listener }),
    };
    logEvent(log, LEVELS, 'internalError', event);
    if (server.listenerCount('internalError') > 0)
      tell<NnrpServerEvents, 'internalError'>(server, 'internalError', event);
    else if (log === undefined) this.internalErrors.add(event);
  }

  /** Says what is left to be said. */
  end(): void {
    this.handlerFailures.end();
    this.internalErrors.end();
  }
}
