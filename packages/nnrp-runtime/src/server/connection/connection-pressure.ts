import type { FlowFields } from 'nnrp-core';
import { BackpressureLevel, UpdateReason } from 'nnrp-core/preview3';
import { ReadingHold } from '../../connection/reading-hold.js';

/** What pressure acts on. */
export interface PressureOwner {
  readonly isClosed: boolean;
  pauseReading(): void;
  resumeReading(): void;
  /** Sends FLOW_UPDATE for the whole connection. */
  sendFlow(fields: FlowFields): void;
}

/**
 * Why a connection is not read at the moment: a full outbox, sessions whose queues are full, a policy that is asked. A
 * peer that does not read its answers is not read from either, since its next request would only add to them.
 */
export class ConnectionPressure {
  private readonly reading: ReadingHold;
  private outboxHeld = false;
  private clientPaused = false;

  constructor(private readonly owner: PressureOwner) {
    this.reading = new ReadingHold({
      pause: () => owner.pauseReading(),
      resume: () => {
        if (!owner.isClosed) owner.resumeReading();
      },
    });
  }

  get isHeld(): boolean {
    return this.reading.isHeld;
  }

  /** How often reading has stopped. */
  get stops(): number {
    return this.reading.stops;
  }

  /** Stops reading until `release` has been called as often. */
  hold(): void {
    this.reading.hold();
  }

  release(): void {
    this.reading.release();
  }

  outboxFilled(): void {
    if (this.outboxHeld) return;
    this.outboxHeld = true;
    this.hold();
  }

  /** Senders that do not wait pile up: the client is asked to pause, for the day it reads again. */
  outboxHalfFull(): void {
    if (this.clientPaused) return;
    this.clientPaused = true;
    this.owner.sendFlow({ updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard });
  }

  outboxDrained(): void {
    if (this.clientPaused) {
      this.clientPaused = false;
      this.owner.sendFlow({ updateReason: UpdateReason.Resume });
    }
    if (!this.outboxHeld) return;
    this.outboxHeld = false;
    this.release();
  }
}
