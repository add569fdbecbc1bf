import { IdSet } from 'nnrp-core';
import { aside, type Guarded } from '../../base/guard.js';
import type { Timer } from '../../platform/platform.js';

/** Frames given up without an answer that are remembered, so that a late answer is not taken for a stray. */
const MAX_RELEASED = 1024;

/**
 * Cancelled frames that wait for their last answer, for a bounded time: a server need not answer FRAME_CANCEL. All of
 * them wait equally long, so that one timer serves the oldest.
 */
export class CancelledFrames {
  /** Frame ids and when their time is over, in milliseconds of `performance.now()`; the oldest first. */
  private readonly waiting = new Map<number, number>();
  private readonly released = new IdSet();
  private timer: Timer | undefined;

  /** @param release - called for each frame that had no answer for `timeoutMs` milliseconds */
  constructor(
    private readonly owner: Guarded,
    private readonly timeoutMs: number,
    private readonly release: (frameId: number) => void,
  ) {}

  add(frameId: number): void {
    this.waiting.set(frameId, performance.now() + this.timeoutMs);
    if (this.timer === undefined) this.wait(this.timeoutMs);
  }

  /** The last answer has come, in time. */
  answered(frameId: number): void {
    if (this.waiting.size > 0) this.waiting.delete(frameId);
  }

  /** Whether its answer has been given up. @param isLast - whether none can follow, so that it may be forgotten */
  isReleased(frameId: number, isLast: boolean): boolean {
    return isLast ? this.released.delete(frameId) : this.released.has(frameId);
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.clear();
    this.released.clear();
  }

  private wait(delayMs: number): void {
    this.timer = aside(this.owner, Math.max(1, Math.ceil(delayMs)), () => this.releaseDue());
  }

  private releaseDue(): void {
    this.timer = undefined;
    const nowMs = performance.now();
    const due: number[] = [];
    for (const [frameId, dueAtMs] of this.waiting) {
      if (dueAtMs > nowMs) {
        this.wait(dueAtMs - nowMs);
        break;
      }
      due.push(frameId);
    }
    for (const frameId of due) this.giveUp(frameId);
  }

  private giveUp(frameId: number): void {
    // The release of another one may have ended the session, and this with it.
    if (!this.waiting.delete(frameId)) return;
    this.released.add(frameId);
    if (this.released.size > MAX_RELEASED) this.released.delete(this.released.oldest ?? 0);
    this.release(frameId);
  }
}
