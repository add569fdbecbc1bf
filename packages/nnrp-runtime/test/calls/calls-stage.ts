import type { CallRouter } from '../../src/calls/index.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { SubmitOutcome } from '../../src/server/serve/serve-handlers.js';
import { Stage } from '../support/stage.js';

/** A server that serves a router, and a session of a client with it. */
export class CallsStage extends Stage {
  /** What handlers have thrown that was no HandlerError. */
  readonly failures: unknown[] = [];

  async calling(served: CallRouter | ((operation: OperationContext) => SubmitOutcome), maxInFlightOperations = 64) {
    const { server, client } = await this.pair({ maxInFlightOperations, deadlines: true });
    server.on('handlerFailure', ({ error }) => this.failures.push(error));
    server.serve(typeof served === 'function' ? { submit: served } : served).catch(() => {});
    return { server, client, session: await client.openSession({ maxInFlightOperations: 0 }) };
  }
}

/** What a promise rejects with, as far as a caller acts on it. */
export async function refusal(work: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await work;
  } catch (error) {
    const { code, rawMessage, isRetryable, retryAfterMs, details } = error as Record<string, unknown>;
    return { code, rawMessage, isRetryable, retryAfterMs, details };
  }
  throw new Error('it has not failed');
}
