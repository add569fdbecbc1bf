import { FrameIds } from 'nnrp-core';

const IDLE: Promise<void> = Promise.resolve();

/** The frames of a session that wait for their terminal answer, and the ids that it has used. */
export class FramesInFlight {
  private readonly ids = new FrameIds();
  private readonly waiting = new Set<number>();
  private idleWaiters: (() => void)[] = [];

  get size(): number {
    return this.waiting.size;
  }

  /** The highest id used so far, 0 when none. */
  get highestId(): number {
    return this.ids.highest;
  }

  has(frameId: number): boolean {
    return this.waiting.has(frameId);
  }

  /** @returns false when the id was used before */
  take(frameId: number): boolean {
    if (!this.ids.take(frameId)) return false;
    this.waiting.add(frameId);
    return true;
  }

  /** The frame has had its terminal answer. */
  answered(frameId: number): void {
    this.waiting.delete(frameId);
    if (this.waiting.size === 0) this.wake();
  }

  /** Gives up every frame. @returns their ids, in order */
  clear(): number[] {
    const frameIds = [...this.waiting];
    this.waiting.clear();
    this.wake();
    return frameIds;
  }

  /** Resolves when no frame waits. */
  whenIdle(): Promise<void> {
    if (this.waiting.size === 0) return IDLE;
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  private wake(): void {
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
