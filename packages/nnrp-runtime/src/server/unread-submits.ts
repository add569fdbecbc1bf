import { BackpressureLevel, UpdateReason } from 'nnrp-core/preview3';
import type { OperationContext } from './operation-context.js';
import type { BoundName } from './server-bounds.js';
import type { NnrpCancel, NnrpClose, NnrpMigration, NnrpPatch, SessionEvent } from './server-messages.js';
import type { SessionCore } from './session-core.js';
import type { InboxOwner } from './session-inbox.js';
import type { SessionReceiver } from './session-ports.js';

/**
 * Takes the messages of a session for an application that asks for them one by one, and keeps what it has not asked for
 * within bounds: at half of the limit the client is asked to pause, at the limit its connection is not read any more.
 */
export class UnreadSubmits implements SessionReceiver, InboxOwner {
  private holding = false;
  private paused = false;

  constructor(private readonly core: SessionCore) {}

  submit(operation: OperationContext): void {
    if (this.core.inbox.pushSubmit(operation)) this.waits(operation);
  }

  /** It waits for the application, perhaps for the second time. */
  waits(operation: OperationContext): void {
    operation.isUnread = true;
    this.core.queued.add(operation);
    if (!this.holding && this.reaches(1)) {
      this.core.connection.bounds.hit(this.isFullOf());
      this.holding = true;
      this.core.connection.hold();
    }
    if (!this.paused && this.reaches(2)) {
      this.paused = true;
      this.core.sendFlow({ updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard });
    }
  }

  /** The application has it now. */
  taken(operation: OperationContext): void {
    this.core.operations.started(operation);
    this.removed(operation);
  }

  withdraw(operation: OperationContext): void {
    // Among events it stays, and counts, until it is taken.
    if (!operation.isUnread || this.core.inbox.yieldsEvents) return;
    this.core.inbox.remove(operation);
    this.removed(operation);
  }

  cancel(cancel: NnrpCancel): void {
    this.core.inbox.pushCancel(cancel);
  }

  patch(patch: NnrpPatch): void {
    this.core.inbox.pushPatch(patch);
  }

  migrate(migration: NnrpMigration): void {
    this.core.inbox.pushMigration(migration);
  }

  close(close: NnrpClose): void {
    this.core.inbox.pushClose(close);
  }

  event(event: SessionEvent): void {
    this.core.inbox.pushEvent(event);
  }

  ended(): void {}

  end(): void {
    this.releaseHold();
  }

  get isFull(): boolean {
    return this.core.queued.byteLength >= this.core.config.maxQueuedBytes;
  }

  eventLeftOut(): void {
    this.core.connection.bounds.hit('unreadEvents');
  }

  eventBytes(bytes: number): void {
    this.core.queued.count(bytes);
  }

  private removed(operation: OperationContext): void {
    if (!operation.isUnread) return;
    operation.isUnread = false;
    this.core.queued.remove(operation);
    this.eased();
  }

  /** Less waits than before. */
  eased(): void {
    if (this.holding && !this.exceeds(2)) this.releaseHold();
    if (this.paused && !this.exceeds(4)) {
      this.paused = false;
      this.core.sendFlow({ updateReason: UpdateReason.Resume });
    }
  }

  private reaches(part: number): boolean {
    const { maxQueuedSubmits, maxQueuedBytes } = this.core.config;
    const { inbox, queued } = this.core;
    return inbox.submitCount * part >= maxQueuedSubmits || queued.byteLength * part >= maxQueuedBytes;
  }

  private exceeds(part: number): boolean {
    const { maxQueuedSubmits, maxQueuedBytes } = this.core.config;
    const { inbox, queued } = this.core;
    return inbox.submitCount * part > maxQueuedSubmits || queued.byteLength * part > maxQueuedBytes;
  }

  private isFullOf(): BoundName {
    return this.core.inbox.submitCount >= this.core.config.maxQueuedSubmits ? 'queuedSubmits' : 'queuedBytes';
  }

  private releaseHold(): void {
    if (!this.holding) return;
    this.holding = false;
    this.core.connection.release();
  }
}
