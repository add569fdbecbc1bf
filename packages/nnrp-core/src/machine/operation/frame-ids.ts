import { IdSet } from '../collections/id-map.js';

/** How many ids above the watermark are remembered one by one before the watermark is moved over the gaps. */
const MAX_SCATTERED = 4096;

/**
 * The frame ids a session has used. Ids are unique in a session and nearly always ascend, so a watermark says it all;
 * ids that run ahead are remembered one by one, in bounded memory.
 *
 * @see NNRP/1-preview3 section 5
 */
export class FrameIds {
  /** Every id up to this one counts as used. */
  private watermark = 0;
  private scattered: IdSet | undefined;
  private highestUsed = 0;

  /** The highest id used so far, 0 when none: what SESSION_CLOSE reports. */
  get highest(): number {
    return this.highestUsed;
  }

  /** Ids that are remembered one by one, because others below them have not been used. */
  get scatteredCount(): number {
    return this.scattered?.size ?? 0;
  }

  /** Whether the id counts as used: it was taken, or lies in a gap that was given up. */
  has(frameId: number): boolean {
    return frameId > 0 && (frameId <= this.watermark || this.scattered?.has(frameId) === true);
  }

  /** Takes an id. @returns false when it is 0 or was used before */
  take(frameId: number): boolean {
    if (frameId <= this.watermark || this.scattered?.has(frameId) === true) return false;
    if (frameId > this.highestUsed) this.highestUsed = frameId;
    if (frameId !== this.watermark + 1) {
      this.scattered ??= new IdSet();
      this.scattered.add(frameId);
      if (this.scattered.size > MAX_SCATTERED) this.forgetGaps();
      return true;
    }
    this.watermark = frameId;
    if (this.scattered !== undefined) {
      while (this.scattered.delete(this.watermark + 1)) this.watermark++;
      if (this.scattered.size === 0) this.scattered = undefined;
    }
    return true;
  }

  private forgetGaps(): void {
    this.watermark = this.highestUsed;
    this.scattered = undefined;
  }
}
