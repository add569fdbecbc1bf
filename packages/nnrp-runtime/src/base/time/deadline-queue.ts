import { IdMap } from 'nnrp-core';
import type { Timer } from '../../platform/platform.js';
import { aside, type Guarded, guard } from '../guard.js';
import { type Turn, thisTurn } from './turn.js';

/** Something that is to be finished in time; it pays itself for what it throws. The fields belong to the queue it is in. */
export interface Timed extends Guarded {
  timedSince: Turn | undefined;
  timedBefore: Timed | undefined;
  timedAfter: Timed | undefined;
  timedIn: DeadlineList | undefined;
  /**
   * The time is over. Called once, and only while the entry is in the queue.
   * @param lateMs - since when
   */
  expired(lateMs: number): void;
}

/**
 * The longest that a timer runs: it is left to run out when nothing waits any more, since the next entry comes soon. A
 * client may choose another duration for every session, and what is left of it must not outlive it for long.
 */
const MAX_STEP_MS = 10_000;

/**
 * Deadlines of any number of operations, with one timer for each duration in use instead of one for each operation:
 * entries of one duration expire in the order they came, so adding and removing cost a few assignments. Time counts from
 * the end of the turn in which an entry came: it never expires too early.
 */
export class DeadlineQueue {
  private readonly lists = new IdMap<DeadlineList>();

  /** @param owner - of the timers */
  constructor(private readonly owner: Guarded) {}

  /** @param durationMs - from now, at least 1 */
  add(entry: Timed, durationMs: number): void {
    let list = this.lists.get(durationMs);
    if (list === undefined) {
      list = new DeadlineList(durationMs, this.lists, this.owner);
      this.lists.set(durationMs, list);
    }
    list.append(entry);
  }

  /** Does nothing when the entry is in no queue. */
  remove(entry: Timed): void {
    entry.timedIn?.remove(entry);
  }
}

export class DeadlineList {
  private first: Timed | undefined;
  private last: Timed | undefined;
  private timer: Timer | undefined;

  constructor(
    private readonly durationMs: number,
    private readonly lists: IdMap<DeadlineList>,
    private readonly owner: Guarded,
  ) {}

  append(entry: Timed): void {
    entry.timedSince = thisTurn();
    entry.timedIn = this;
    entry.timedBefore = this.last;
    if (this.last === undefined) this.first = entry;
    else this.last.timedAfter = entry;
    this.last = entry;
    if (this.timer === undefined) this.arm(this.durationMs);
  }

  /** In milliseconds of `performance.now()`. */
  private dueAtMs(entry: Timed): number {
    return (entry.timedSince?.endMs ?? 0) + this.durationMs;
  }

  remove(entry: Timed): void {
    const { timedBefore, timedAfter } = entry;
    if (timedBefore === undefined) this.first = timedAfter;
    else timedBefore.timedAfter = timedAfter;
    if (timedAfter === undefined) this.last = timedBefore;
    else timedAfter.timedBefore = timedBefore;
    entry.timedBefore = undefined;
    entry.timedAfter = undefined;
    entry.timedIn = undefined;
  }

  private arm(delayMs: number): void {
    // A timer may fire a little early; what is not due yet then is waited for again.
    this.timer = aside(this.owner, Math.min(Math.max(1, Math.ceil(delayMs)), MAX_STEP_MS), () => this.expire());
  }

  private expire(): void {
    this.timer = undefined;
    const nowMs = performance.now();
    while (this.first !== undefined && this.dueAtMs(this.first) <= nowMs) {
      const entry = this.first;
      const lateMs = nowMs - this.dueAtMs(entry);
      this.remove(entry);
      guard(entry, () => entry.expired(lateMs));
    }
    // What expired may have brought something new, which has armed a timer of its own.
    if (this.timer !== undefined) return;
    if (this.first === undefined) this.lists.delete(this.durationMs);
    else this.arm(this.dueAtMs(this.first) - nowMs);
  }
}
