import { DeadlineError, shownPlain, UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { PeerMessages, UNLIMITED_BUDGET } from 'nnrp-core/preview3';
import type { Guarded } from '../../base/guard.js';
import type { DeadlineQueue } from '../../base/time/deadline-queue.js';
import { afterReading } from '../../base/time/patience.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { ClientOperation } from '../results/client-operation.js';

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
      throw new UsageError(`deadlineMs takes an integer of 0 to ${MAX_TIMER_MS}, got ${shownPlain(deadlineMs)}`);
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
  watch(operation: ClientOperation, budgetMs: number): void {
    const { connection } = this;
    const { deadlineMs } = operation;
    const servedMs = this.servedMs(budgetMs);
    // Only a deadline that the server keeps itself needs time for its answer to arrive.
    if (servedMs > 0 && servedMs <= deadlineMs) operation.graceMs = connection.config.deadlineGraceMs;
    connection.deadlines.add(operation, Math.min(deadlineMs + operation.graceMs, MAX_TIMER_MS));
  }

  /** The end of an operation that has had no answer in time. */
  expired(operation: ClientOperation, lateMs: number): void {
    const { connection } = this;
    const { deadlineMs, graceMs } = operation;
    // What this side has not read says nothing about the server.
    if (connection.unread.isHolding || lateMs > LATE_MS) {
      operation.isOverdue = true;
      connection.deadlines.add(operation, Math.max(ONCE_MORE_MS, graceMs));
      return;
    }
    afterReading(connection, () => {
      const beyond = graceMs > 0 ? `, nor in the ${graceMs} ms after it` : '';
      const text = `frame ${operation.frameId}: no answer by its deadline of ${deadlineMs} ms${beyond}`;
      operation.giveUp(new DeadlineError(text, deadlineMs));
    });
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

function isDeadline(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TIMER_MS;
}
