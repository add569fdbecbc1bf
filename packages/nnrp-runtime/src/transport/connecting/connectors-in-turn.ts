import { isNnrpError, type NnrpError, TransportError } from 'nnrp-core';
import { NO_OWNER } from '../../base/guard.js';
import { answering } from '../../base/promises/settled.js';
import type { FramedConnector, FramedTransport, TransportKind } from '../contract/contract.js';
import { connectFailure, connectWithin } from './connect-attempt.js';

/** One way to a server of which there are several. */
export interface Way {
  /** As errors name it. */
  readonly text: string;
  readonly connector: FramedConnector;
}

/** Timers are late by a little: so much of the time is left for them, and the error over all ways comes first. */
const RESERVE = 0.05;

/** @returns milliseconds that each of them may take */
export function shareMs(connectTimeoutMs: number, ways: number): number {
  return ways === 1 ? connectTimeoutMs : Math.max(1, Math.floor((connectTimeoutMs / ways) * (1 - RESERVE)));
}

/** Connects by the first of several ways that leads anywhere. From then on that one comes first: the sessions are there. */
export class ConnectorsInTurn implements FramedConnector {
  private first = 0;

  constructor(
    private readonly ways: readonly Way[],
    private readonly eachMs: number,
  ) {}

  /** Of the way that was taken last. */
  get kind(): TransportKind {
    return this.inTurn()[0]?.connector.kind ?? 'tcp';
  }

  /** @throws (as a rejection) UsageError at once; TransportError that names each way with its reason; the reason of `signal` */
  connect(signal?: AbortSignal): Promise<FramedTransport> {
    return answering(() => this.connectInTurn(signal));
  }

  /** What takes connections there does not lead to the server: the next way comes first. */
  ledNowhere(): void {
    this.first = (this.first + 1) % this.ways.length;
  }

  private async connectInTurn(signal: AbortSignal | undefined): Promise<FramedTransport> {
    const failures: (Way & { readonly error: NnrpError })[] = [];
    for (const way of this.inTurn()) {
      try {
        const transport = await connectWithin(NO_OWNER, way.connector, this.eachMs, signal);
        this.first = this.ways.indexOf(way);
        return transport;
      } catch (error) {
        // A mistake is one on any other way, too.
        if (signal?.aborted || isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
        failures.push({ ...way, error: connectFailure(error) });
      }
    }
    const reasons = failures.map(({ text, error }) => `${text}: ${error.rawMessage}`).join('; ');
    const errors = failures.map(({ error }) => error);
    throw new TransportError(`no address can be connected to: ${reasons}`, {
      cause: new AggregateError(errors, 'no address can be connected to'),
      isRetryable: errors.some(({ isRetryable }) => isRetryable),
    });
  }

  private inTurn(): Way[] {
    const { ways, first } = this;
    return [...ways.slice(first, first + 1), ...ways.filter((_, index) => index !== first)];
  }
}
