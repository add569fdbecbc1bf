import type { ApplicationEvents } from '../../base/application/application-events.js';
import { tell } from '../../base/application/application-events.js';
import type { Guarded } from '../../base/guard.js';
import type { InternalError } from '../../base/internal-error.js';
import type { HandlerFailure, NnrpServerEvents } from '../contract/server-events.js';
import { HANDLER_WORDS, INTERNAL_WORDS, UnhandledFailures } from './unhandled-failures.js';

/** Failures of handlers and internal errors: events of the server, and warnings of the process where it has no listener. */
export class FailureReports {
  private readonly handlerFailures: UnhandledFailures<HandlerFailure>;
  private readonly internalErrors: UnhandledFailures<InternalError>;

  constructor(private readonly server: ApplicationEvents<NnrpServerEvents> & Guarded) {
    this.handlerFailures = new UnhandledFailures(server, HANDLER_WORDS);
    this.internalErrors = new UnhandledFailures(server, INTERNAL_WORDS);
  }

  handlerFailed(failure: HandlerFailure): void {
    const { server } = this;
    if (server.listenerCount('handlerFailure') === 0) this.handlerFailures.add(failure);
    else
      tell<NnrpServerEvents, 'handlerFailure'>(server, 'handlerFailure', failure, (error) => this.internalError(error));
  }

  internalError(error: unknown, remoteAddress?: string): void {
    const event = { error, ...(remoteAddress !== undefined && { remoteAddress }) };
    if (this.server.listenerCount('internalError') === 0) this.internalErrors.add(event);
    else tell<NnrpServerEvents, 'internalError'>(this.server, 'internalError', event);
  }

  /** Says what is left to be said. */
  end(): void {
    this.handlerFailures.end();
    this.internalErrors.end();
  }
}
