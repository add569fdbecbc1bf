import { type Packet, shownPlain, UsageError } from 'nnrp-core';
import type * as preview4 from 'nnrp-core/preview4';
import {
  DEADLINE_TYPE,
  EXPIRE_AT_TYPE,
  PRIORITY_UPDATE_TYPE,
  RESULT_PUSH_TYPE,
} from '../../connection/codes/preview4-codes.js';
import { needsPreview4, preview4Words } from '../../connection/controls/loaded-preview4.js';
import type { EventStream } from '../streams/event-stream.js';
import type { ExpiryOptions } from './expiry-options.js';
import type { OperationProgress } from './operation-progress.js';
import type { OperationWords } from './operation-words.js';

/** An operation, as far as preview4 lets the client change it while it runs. */
export abstract class ControlledOperation {
  constructor(
    readonly frameId: number,
    /** @internal In preview4 alone. */
    readonly words: OperationWords | undefined,
  ) {}

  /** Whether the last answer has come, or is not waited for any more. */
  abstract get isOver(): boolean;

  /** Its operation id, a u64; in preview3 the frame id, which is all there is. */
  get id(): bigint {
    return this.words?.operationId ?? BigInt(this.frameId);
  }

  /**
   * What the server reports of its work, from now on: `for await (const { percent } of operation.progress())`. Ends with the operation.
   * When more than 1024 wait unread the oldest go; when all operations of the session hold more than 4 MiB, those of the operation
   * that has gone unread longest.
   * @throws UsageError in preview3
   */
  progress(): EventStream<OperationProgress> {
    return this.said.progress;
  }

  /**
   * Changes its priority.
   * @returns false when it is over or about to be, and nothing was sent @throws UsageError in preview3, WireError when a value does not fit;
   * the same for the other changes
   */
  setPriority(priorityClass: number, priorityDelta = 0): boolean {
    return this.schedule(PRIORITY_UPDATE_TYPE, { priorityClass, priorityDelta });
  }

  /** Changes its deadline. @param at - a date, or milliseconds since 1970 */
  setDeadline(at: Date | number): boolean {
    return this.schedule(DEADLINE_TYPE, { deadlineUnixMs: unixMs(at) });
  }

  /** Its result is of no use any more after that. @param at - a date, or milliseconds since 1970 */
  expireAt(at: Date | number, { discardStale = true, emitDropReason = true }: ExpiryOptions = {}): boolean {
    const { DiscardStale, EmitDropReason } = preview4Words().SchedulingFlags;
    const flags = (discardStale ? DiscardStale : 0) | (emitDropReason ? EmitDropReason : 0);
    return this.schedule(EXPIRE_AT_TYPE, { deadlineUnixMs: unixMs(at), flags });
  }

  /**
   * Another operation takes its place: the server drops this one, with the reason superseded.
   * @param by - that operation, or its id @param abort - whether this one ends at once; else it may finish
   */
  supersede(by: { readonly id: bigint } | bigint, abort = true): boolean {
    const { said } = this;
    const newOperationId = typeof by === 'bigint' ? by : by.id;
    if (!this.isOpen) return false;
    said.controls.supersede(this, newOperationId, said.nextSequence(), abort);
    // From 4.23 on it is over for the server: whatever is still said of it ends the session of a reference.
    said.isEnding = true;
    return true;
  }

  /** @internal For the session: whether a message that names an operation by its id names this one; others name its frame alone. */
  isNamedBy(packet: Packet): boolean {
    return this.words === undefined || packet.messageType === RESULT_PUSH_TYPE || this.words.isNamedBy(packet);
  }

  private schedule(messageType: number, change: Partial<preview4.Scheduling>): boolean {
    const { said } = this;
    if (!this.isOpen) return false;
    said.controls.schedule(messageType, this, { ...change, controlSequence: said.nextSequence() });
    return true;
  }

  /** Whether anything may be said of it. */
  private get isOpen(): boolean {
    return !this.isOver && !this.said.isEnding;
  }

  private get said(): OperationWords {
    if (this.words === undefined) throw needsPreview4();
    return this.words;
  }
}

/** @throws UsageError on what is no time, or one before 1970 */
export function unixMs(at: unknown): bigint {
  const ms = typeof at === 'object' && at !== null ? Number(at) : at;
  if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms > 0) return BigInt(ms);
  throw new UsageError(`a deadline takes a Date or milliseconds since 1970, got ${shownPlain(at)}`);
}
