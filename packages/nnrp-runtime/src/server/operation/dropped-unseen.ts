import { IdSet } from 'nnrp-core';

/** More are forgotten, oldest first. */
const MAX_DROPPED_UNSEEN = 1024;

/** Frames of a session that were dropped on the client's word or by their deadline, and that the application may still drop itself. */
export class DroppedUnseen {
  private readonly frameIds = new IdSet();

  add(frameId: number): void {
    this.frameIds.add(frameId);
    if (this.frameIds.size <= MAX_DROPPED_UNSEEN) return;
    const { oldest } = this.frameIds;
    if (oldest !== undefined) this.frameIds.delete(oldest);
  }

  /** The application drops it. @returns whether it was there */
  delete(frameId: number): boolean {
    return this.frameIds.delete(frameId);
  }
}
