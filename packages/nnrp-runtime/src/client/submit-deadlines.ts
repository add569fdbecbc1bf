import { DeadlineError, preview3, shownValue, UsageError } from 'nnrp-core';
import type { DeadlineList, DeadlineQueue, Timed } from '../base/deadline-queue.js';
import type { Guarded } from '../base/guard.js';
import { afterReading } from '../base/patience.js';
import { MAX_TIMER_MS } from '../timer-limit.js';
import type { ClientOperation } from './client-operation.js';

const { PeerMessages, UNLIMITED_BUDGET } = preview3;
/** The longest deadline that latency_budget_ms can ask for, where its highest value means none. */
const MAX_BUDGET_MS = UNLIMITED_BUDGET - 1;
/** An expiry that comes so much too late, in milliseconds, says nothing: this process has stood still. */
const LATE_MS = 100;
/** The least that the server gets once more then, in milliseconds: the submit itself may not have left before. */
const ONCE_MORE_MS = 1000;

/** What deadlines need of the connection. */
export interface DeadlineConnection extends Guarded {
  readonly config: { readonly deadlineGraceMs: number };
  /** For all operations of the connection. */
  readonly deadlines: DeadlineQueue;
  readonly unread: { readonly isHolding: boolean };
  understands(family: preview3.PeerMessages): boolean;
}

/** The deadlines of one session: what the server is asked for, and how long this side waits for it to keep them. */
export class SubmitDeadlines {
  /** @param defaultMs - default_deadline_ms of the session; 0 = none */
  constructor(
    private readonly connection: DeadlineConnection,
    private readonly defaultMs: number,
  ) {}

  /**
   * latency_budget_ms for a deadline; 0 on the wire means the default of the session, 0xffff no deadline to servers that
   * understand it, and the longest one there is to others.
   *
   * @throws UsageError when it is no integer of 0 to 2147483647, or the server cannot be asked for it
   */
  budgetMs(deadlineMs: unknown): number {
    if (!isDeadline(deadlineMs)) {
      throw new UsageError(`deadlineMs takes an integer of 0 to ${MAX_TIMER_MS}, got ${shownValue(deadlineMs)}`);
    }
    const { defaultMs } = this;
    if (deadlineMs === 0) return defaultMs === 0 ? 0 : UNLIMITED_BUDGET;
    if (deadlineMs <= MAX_BUDGET_MS) return deadlineMs;
    if (defaultMs === 0 || defaultMs >= deadlineMs) return 0;
    if (this.understandsNone || deadlineMs === UNLIMITED_BUDGET) return UNLIMITED_BUDGET;
    throw new UsageError(
      `deadlineMs: this server can be asked for ${UNLIMITED_BUDGET} ms by one submit, and for ${defaultMs} ms by the ` +
        `defaultDeadlineMs of this session, got ${deadlineMs}; open the session with a longer defaultDeadlineMs, or 0`,
    );
  }

  /**
   * The deadline of a submit.
   *
   * @param budgetMs - its latency_budget_ms
   * @param deadlineMs - what was asked for, when it was
   * @returns milliseconds, 0 = none
   */
  limitMs(budgetMs: number, deadlineMs?: number): number {
    // By far the most submits have none.
    if (deadlineMs === undefined) return budgetMs === 0 ? this.defaultMs : this.servedMs(budgetMs);
    return deadlineMs;
  }

  /** Sees to it that a submit which has just been sent ends by its deadline, whatever the server does. */
  watch(operation: ClientOperation, budgetMs: number): Timed {
    const servedMs = this.servedMs(budgetMs);
    // Only a deadline that the server keeps itself needs time for its answer to arrive.
    const isServed = servedMs > 0 && servedMs <= operation.deadlineMs;
    const bound = new OperationBound(operation, this.connection, isServed ? this.connection.config.deadlineGraceMs : 0);
    this.connection.deadlines.add(bound, bound.durationMs);
    return bound;
  }

  private get understandsNone(): boolean {
    return this.connection.understands(PeerMessages.UnlimitedBudget);
  }

  /** The deadline that the server keeps; 0 = none. */
  private servedMs(budgetMs: number): number {
    if (budgetMs === UNLIMITED_BUDGET && this.understandsNone) return 0;
    return budgetMs === 0 ? this.defaultMs : budgetMs;
  }
}

/** The end of one operation that has had no answer in time. */
class OperationBound implements Timed {
  expiresAtMs = 0;
  timedBefore: Timed | undefined;
  timedAfter: Timed | undefined;
  timedIn: DeadlineList | undefined;
  readonly durationMs: number;

  constructor(
    private readonly operation: ClientOperation,
    private readonly connection: DeadlineConnection,
    private readonly graceMs: number,
  ) {
    this.durationMs = Math.min(operation.deadlineMs + graceMs, MAX_TIMER_MS);
  }

  crashed(error: unknown): void {
    this.connection.crashed(error);
  }

  expired(): void {
    const { connection } = this;
    // What this side has not read says nothing about the server.
    if (connection.unread.isHolding || performance.now() - this.expiresAtMs > LATE_MS) {
      connection.deadlines.add(this, Math.max(ONCE_MORE_MS, this.graceMs));
      return;
    }
    afterReading(connection, () => {
      const { operation, graceMs } = this;
      const { deadlineMs } = operation;
      const beyond = graceMs > 0 ? `, nor in the ${graceMs} ms after it` : '';
      const text = `frame ${operation.frameId}: no answer by its deadline of ${deadlineMs} ms${beyond}`;
      operation.giveUp(new DeadlineError(text, deadlineMs));
    });
  }
}

function isDeadline(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TIMER_MS;
}
