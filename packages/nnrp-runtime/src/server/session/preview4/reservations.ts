import { IdMap, type Packet } from 'nnrp-core';
import * as preview4 from 'nnrp-core/preview4';
import { IdHeap } from '../../../base/queues/id-heap.js';

const SUBMIT = preview4.FRAME_SUBMIT_OFFSETS.operationId;

interface Reservation {
  readonly operationId: bigint;
  /** As `performance.now` has it. */
  readonly deadlineMs: number;
}

/**
 * Deadlines that have come before the submits that they are for. One that does not fit is dropped, and nothing else. Frames come in
 * ascending order, so what a submit passes over is found without a look at what waits behind it.
 */
export class Reservations {
  private readonly byFrame = new IdMap<Reservation>();
  private readonly operations = new Set<string>();
  private frames = new IdHeap();
  /** No deadline is over before. */
  private firstEndMs = Number.POSITIVE_INFINITY;

  /** @param most - how many there may be */
  constructor(private readonly most: number) {}

  get size(): number {
    return this.byFrame.size;
  }

  /** @returns why it is not noted; undefined when it is */
  add(frameId: number, operationId: bigint, deadlineMs: number): string | undefined {
    const nowMs = performance.now();
    if (deadlineMs <= nowMs) return 'its time is over already';
    if (this.firstEndMs <= nowMs) this.dropEnded(nowMs);
    if (this.operations.has(keyOf(operationId))) return 'its operation has one already';
    if (this.byFrame.has(frameId)) return 'its frame has one already';
    if (this.byFrame.size >= this.most) return `${this.most} wait for their submits already`;
    this.note(frameId, { operationId, deadlineMs });
    return undefined;
  }

  /** The deadline for a submit that has come, as `performance.now` has it; undefined = none. Those that it passes over cannot come any more. */
  take({ frameId, view, metadataStart }: Packet): number | undefined {
    let found: number | undefined;
    const { frames, byFrame } = this;
    for (let { lowest } = frames; lowest !== undefined && lowest <= frameId; lowest = frames.lowest) {
      frames.takeLowest();
      const { operationId, deadlineMs } = byFrame.get(lowest) as Reservation;
      if (lowest === frameId && view.getBigUint64(metadataStart + SUBMIT, true) === operationId) found = deadlineMs;
      byFrame.delete(lowest);
      this.operations.delete(keyOf(operationId));
    }
    return found;
  }

  private note(frameId: number, reservation: Reservation): void {
    this.byFrame.set(frameId, reservation);
    this.operations.add(keyOf(reservation.operationId));
    this.frames.add(frameId);
    this.firstEndMs = Math.min(this.firstEndMs, reservation.deadlineMs);
  }

  /** Looks at all, once for each moment at which one ends; clients say those in whole milliseconds. */
  private dropEnded(nowMs: number): void {
    const all = [...this.byFrame.keys()].map((frameId) => [frameId, this.byFrame.get(frameId)] as const);
    this.byFrame.clear();
    this.operations.clear();
    this.frames = new IdHeap();
    this.firstEndMs = Number.POSITIVE_INFINITY;
    for (const [frameId, reservation] of all) {
      if (reservation !== undefined && reservation.deadlineMs > nowMs) this.note(frameId, reservation);
    }
  }
}

/** With a sign in it: the language hashes digits alone, and bigints, without a seed. */
function keyOf(operationId: bigint): string {
  return `#${operationId}`;
}
