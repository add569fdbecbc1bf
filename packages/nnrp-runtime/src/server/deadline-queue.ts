/** Something that is to be finished in time. The fields belong to the queue it is in. */
export interface Timed {
  expiresAtMs: number;
  timedBefore: Timed | undefined;
  timedAfter: Timed | undefined;
  timedIn: DeadlineList | undefined;
  /** The time is over. Called once, and only while the entry is in the queue. */
  expired(): void;
}

/** The longest time a timer can wait. */
const MAX_TIMER_MS = 0x7fffffff;

/**
 * Deadlines of any number of operations, with one timer for each duration in use instead of one for each operation:
 * entries of one duration expire in the order they came, so adding and removing cost a few assignments.
 */
export class DeadlineQueue {
  private readonly lists = new Map<number, DeadlineList>();

  /** @param durationMs - from now, at least 1 */
  add(entry: Timed, durationMs: number): void {
    let list = this.lists.get(durationMs);
    if (list === undefined) {
      list = new DeadlineList(durationMs, this.lists);
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
  private armed = false;

  constructor(
    private readonly durationMs: number,
    private readonly lists: Map<number, DeadlineList>,
  ) {}

  append(entry: Timed): void {
    // Whole milliseconds: a number of that kind needs no memory of its own.
    entry.expiresAtMs = Math.ceil(performance.now() + this.durationMs);
    entry.timedIn = this;
    entry.timedBefore = this.last;
    if (this.last === undefined) this.first = entry;
    else this.last.timedAfter = entry;
    this.last = entry;
    if (!this.armed) this.arm(this.durationMs);
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
    this.armed = true;
    // A timer may fire a little early; what is not due yet then is waited for again.
    setTimeout(() => this.expire(), Math.min(Math.max(1, Math.ceil(delayMs)), MAX_TIMER_MS)).unref();
  }

  private expire(): void {
    this.armed = false;
    const nowMs = performance.now();
    while (this.first !== undefined && this.first.expiresAtMs <= nowMs) {
      const entry = this.first;
      this.remove(entry);
      entry.expired();
    }
    if (this.first !== undefined) this.arm(this.first.expiresAtMs - nowMs);
    else if (!this.armed) this.lists.delete(this.durationMs);
  }
}
