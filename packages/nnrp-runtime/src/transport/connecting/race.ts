import { ClosedError, isNnrpError, type NnrpError, TransportError } from 'nnrp-core';
import { whenAborted } from '../../base/application/abort-signals.js';
import { guard, later, NO_OWNER } from '../../base/guard.js';
import type { FramedTransport } from '../contract/contract.js';
import { connectFailure, connectWithin } from './connect-attempt.js';
import type { Way, WayMemory } from './way-memory.js';

/** How long a race may take, and how its attempts follow each other. */
export interface RaceTimes {
  /** Milliseconds for all attempts together. */
  readonly wholeMs: number;
  /** Milliseconds from the start of an attempt to that of the next one, while neither has ended. */
  readonly headStartMs: number;
}

/** The way that has won, and its connection. */
export interface Winner {
  readonly way: Way;
  readonly transport: FramedTransport;
}

/**
 * Attempts to connect by several ways, as RFC 8305 has them: each begins a while after the one before, or at once when one has
 * failed. The first that connects is the winner, and the others are given up.
 */
export class Race {
  private readonly ways: readonly Way[];
  private readonly losing = new AbortController();
  private readonly failures = new Map<Way, NnrpError>();
  private readonly deadlineMs: number;
  private started = 0;
  private timer: ReturnType<typeof later> | undefined;
  private letGo = () => {};
  private isOver = false;

  private constructor(
    private readonly memory: WayMemory,
    private readonly times: RaceTimes,
    private readonly won: (winner: Winner) => void,
    private readonly lost: (error: unknown) => void,
  ) {
    this.ways = memory.inOrder();
    this.deadlineMs = performance.now() + times.wholeMs;
  }

  /**
   * @param memory - gives the order of the addresses, and is told which fail and which one is taken
   * @returns rejects with UsageError at once; TransportError that names each way with its reason; the reason of `signal`
   */
  static run(memory: WayMemory, times: RaceTimes, signal: AbortSignal | undefined): Promise<Winner> {
    return new Promise((won, lost) => new Race(memory, times, won, lost).begin(signal));
  }

  private begin(signal: AbortSignal | undefined): void {
    this.letGo = whenAborted(NO_OWNER, signal, (reason) => this.fail(reason));
    if (this.isOver) this.letGo();
    else this.startNext();
  }

  private startNext(): void {
    clearTimeout(this.timer);
    const way = this.ways[this.started];
    if (this.isOver || way === undefined) return;
    this.started++;
    const leftMs = Math.max(1, Math.floor(this.deadlineMs - performance.now()));
    connectWithin(NO_OWNER, way.connector, leftMs, this.losing.signal).then(
      (transport) => this.connected(way, transport),
      (error: unknown) => this.failed(way, error),
    );
    // A connector of the application's own may have given up the race inside of its call.
    if (!this.isOver && this.started < this.ways.length)
      this.timer = later(NO_OWNER, this.times.headStartMs, () => this.startNext());
  }

  private connected(way: Way, transport: FramedTransport): void {
    if (this.isOver) {
      guard(NO_OWNER, () => transport.abort());
      return;
    }
    // Those that had a head start and were overtaken are blocked, or as good as that.
    for (const slow of this.ways.slice(0, this.ways.indexOf(way)))
      if (!this.failures.has(slow)) this.memory.failed(slow);
    this.memory.took(way);
    this.won({ way, transport });
    this.end(new ClosedError(`${way.text} was connected to first`));
  }

  private failed(way: Way, error: unknown): void {
    if (this.isOver) return;
    // A mistake is one on any other way, too.
    if (isNnrpError(error, 'NNRP_ERR_USAGE')) {
      this.fail(error);
      return;
    }
    this.memory.failed(way);
    this.failures.set(way, connectFailure(error));
    if (this.failures.size === this.ways.length) this.fail(noWay(this.ways, this.failures));
    else this.startNext();
  }

  private fail(error: unknown): void {
    if (this.isOver) return;
    this.lost(error);
    this.end(error);
  }

  private end(reason: unknown): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.letGo();
    this.losing.abort(reason);
  }
}

/** Names each way with its reason. */
export function noWay(ways: readonly Way[], failures: ReadonlyMap<Way, NnrpError>): TransportError {
  const failed = ways.flatMap((way) => {
    const error = failures.get(way);
    return error === undefined ? [] : [{ text: way.text, error }];
  });
  const errors = failed.map(({ error }) => error);
  const reasons = failed.map(({ text, error }) => `${text}: ${error.rawMessage}`).join('; ');
  return new TransportError(`no address can be connected to: ${reasons}`, {
    cause: new AggregateError(errors, 'no address can be connected to'),
    isRetryable: errors.some(({ isRetryable }) => isRetryable),
  });
}
