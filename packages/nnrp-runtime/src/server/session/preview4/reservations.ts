import type { Packet } from 'nnrp-core';
import * as preview4 from 'nnrp-core/preview4';

const SUBMIT = preview4.FRAME_SUBMIT_OFFSETS.operationId;

interface Reservation {
  readonly operationId: bigint;
  /** As `performance.now` has it. */
  readonly deadlineMs: number;
}

/** Deadlines that have come before the submits that they are for, by frame. One that does not fit is dropped, and nothing else. */
export class Reservations {
  private readonly byFrame = new Map<number, Reservation>();

  /** @param most - how many there may be */
  constructor(private readonly most: number) {}

  get size(): number {
    return this.byFrame.size;
  }

  /** @returns why it is not noted; undefined when it is */
  add(frameId: number, operationId: bigint, deadlineMs: number): string | undefined {
    const nowMs = performance.now();
    if (deadlineMs <= nowMs) return 'its time is over already';
    for (const [frame, { deadlineMs: other, operationId: id }] of this.byFrame) {
      if (other <= nowMs) this.byFrame.delete(frame);
      else if (id === operationId) return 'its operation has one already';
    }
    if (this.byFrame.has(frameId)) return 'its frame has one already';
    if (this.byFrame.size >= this.most) return `${this.most} wait for their submits already`;
    this.byFrame.set(frameId, { operationId, deadlineMs });
    return undefined;
  }

  /** The deadline for a submit that has come, as `performance.now` has it; undefined = none. Those that it passes over cannot come any more. */
  take({ frameId, view, metadataStart }: Packet): number | undefined {
    let found: number | undefined;
    for (const [frame, { operationId, deadlineMs }] of this.byFrame) {
      if (frame > frameId) continue;
      if (frame === frameId && view.getBigUint64(metadataStart + SUBMIT, true) === operationId) found = deadlineMs;
      this.byFrame.delete(frame);
    }
    return found;
  }
}
