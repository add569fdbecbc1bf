import type { Lane } from '../connection/outbox.js';
import type { OperationContext } from './operation-context.js';

export interface DispatcherLimits {
  /** Handlers that run at once. */
  readonly maxConcurrentOperations: number;
  /** Operations that may wait for their turn. */
  readonly maxQueuedOperations: number;
}

/**
 * Gives operations to handlers, as many at once as may run. When more wait, those of interactive sessions go first,
 * those of background sessions last, and within a class the oldest.
 */
export class Dispatcher {
  private readonly lanes: (Set<OperationContext> | undefined)[] = [];
  private running = 0;
  private waiting = 0;
  private starting = false;

  constructor(
    private readonly limits: DispatcherLimits,
    /** Starts the handler; `finished` is called when it is done, however it ends. */
    private readonly run: (operation: OperationContext) => void,
    /** There is room for more again: a quarter of what may wait, or less, does. */
    private readonly relieved: () => void,
  ) {}

  /** Operations that wait for their turn. */
  get waitingCount(): number {
    return this.waiting;
  }

  get runningCount(): number {
    return this.running;
  }

  /** Whether half of what may wait does. */
  get isBusy(): boolean {
    return this.waiting * 2 >= this.limits.maxQueuedOperations;
  }

  /** @returns false when too many wait; the operation is not taken then */
  submit(operation: OperationContext, lane: Lane): boolean {
    if (this.running < this.limits.maxConcurrentOperations) {
      this.running++;
      this.run(operation);
      return true;
    }
    if (this.waiting >= this.limits.maxQueuedOperations) return false;
    let operations = this.lanes[lane];
    if (operations === undefined) {
      operations = new Set();
      this.lanes[lane] = operations;
    }
    operations.add(operation);
    this.waiting++;
    return true;
  }

  /** The operation is over before its turn has come. */
  withdraw(operation: OperationContext, lane: Lane): void {
    if (this.waiting === 0 || this.lanes[lane]?.delete(operation) !== true) return;
    this.left();
  }

  /** A handler waits for its client: another may run meanwhile. */
  suspended(): void {
    this.finished();
  }

  /** It goes on; for a while there may be more than may run. */
  resumed(): void {
    this.running++;
  }

  /** A handler is done. */
  finished(): void {
    this.running--;
    // A handler that is done at once comes back here from inside `run`: the loop below goes on for it.
    if (this.starting) return;
    this.starting = true;
    try {
      while (this.waiting > 0 && this.running < this.limits.maxConcurrentOperations) this.startFirst();
    } finally {
      this.starting = false;
    }
  }

  private startFirst(): void {
    for (const operations of this.lanes) {
      for (const operation of operations ?? []) {
        operations?.delete(operation);
        this.left();
        this.running++;
        this.run(operation);
        return;
      }
    }
  }

  private left(): void {
    this.waiting--;
    if (this.waiting * 4 <= this.limits.maxQueuedOperations) this.relieved();
  }
}
