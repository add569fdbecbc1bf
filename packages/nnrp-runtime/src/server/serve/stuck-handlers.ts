import type { Guarded } from '../../base/guard.js';
import { DeadlineQueue } from '../../base/time/deadline-queue.js';
import type { Operation } from '../operation/operation.js';

/** Handlers that run although their operation is over. Most of them see it soon, so there is one timer for all. */
export class StuckHandlers {
  private readonly deadlines: DeadlineQueue;
  private readonly stuck = new Set<object>();

  constructor(
    /** Milliseconds after which a handler is stuck; 0 = never. */
    private readonly limitMs: number,
    owner: Guarded,
  ) {
    this.deadlines = new DeadlineQueue(owner);
  }

  get count(): number {
    return this.stuck.size;
  }

  /** The operation is over before its handler is, which is told by `SessionLine.handlerStuck` when that lasts. */
  overBefore(operation: Operation): void {
    if (this.limitMs > 0) this.deadlines.add(operation, this.limitMs);
  }

  /** It has lasted. */
  found(operation: object): void {
    this.stuck.add(operation);
  }

  /** The handler of an operation that is over is done. */
  done(operation: Operation): void {
    this.deadlines.remove(operation);
    if (this.stuck.size > 0) this.stuck.delete(operation);
  }
}
