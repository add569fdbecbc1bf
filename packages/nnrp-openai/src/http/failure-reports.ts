import { isNnrpError, UsageError } from 'nnrp-runtime';
import { SeldomWarning } from 'nnrp-runtime/transport';

/**
 * What the application itself has done wrong goes to clients as no more than status 500, so that a warning of the process says
 * what it was: what `connect`, `authorize` and interceptors throw, and options that do not fit.
 */
export class FailureReports {
  readonly #warning = new SeldomWarning();
  readonly #full = new SeldomWarning();

  /** @param error - of a client that has gone, or of the server, it is none of the application */
  tell(error: unknown, hasGone: boolean): void {
    if (hasGone || (isNnrpError(error) && error.code !== 'NNRP_ERR_USAGE')) return;
    this.#warning.say('nnrp-openai: a request was answered with status 500, because the gateway failed', error);
  }

  /** Clients see no more than a connection that is closed. @param most - connections that there may be at once */
  full(most: number): void {
    const error = new UsageError(`createOpenAiServer: maxConnections: all ${most} are open`);
    this.#full.say('nnrp-openai: a connection was closed, because as many as may are open', error);
  }
}
