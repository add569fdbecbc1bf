import type { Packet } from 'nnrp-core';
import { FINAL_PART, PART_FLAGS_AT } from '../../connection/codes/preview4-codes.js';
import { type EventStream, EventStreams } from '../streams/event-stream.js';
import type { ClientControls } from './client-controls.js';
import type { OperationProgress } from './operation-progress.js';

/** What a report that waits costs besides its body (measured for events, rounded up). */
const EVENT_BYTES = 512;

/** What preview4 knows of one operation besides its frame. */
export class OperationWords {
  /** Whether a PARTIAL_RESULT was the last, or it is superseded: the answer is under way. */
  isEnding = false;
  private isOver = false;
  private changes = 0n;
  /** Made with the first stream. */
  private streams: EventStreams<OperationProgress> | undefined;

  /** The halves of its id. */
  constructor(
    readonly low: number,
    readonly high: number,
    /** Of its session. */
    readonly controls: ClientControls,
  ) {}

  get operationId(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** Whether a message whose metadata begins with an operation id names this one. */
  isNamedBy({ view, metadataStart }: Packet): boolean {
    return this.isNamedAs(view.getUint32(metadataStart, true), view.getUint32(metadataStart + 4, true));
  }

  isNamedAs(low: number, high: number): boolean {
    return this.low === low && this.high === high;
  }

  tookPart({ view, metadataStart }: Packet): void {
    this.isEnding ||= (view.getUint32(metadataStart + PART_FLAGS_AT, true) & FINAL_PART) !== 0;
  }

  get progress(): EventStream<OperationProgress> {
    this.streams ??= new EventStreams(({ body }) => body.length + EVENT_BYTES, undefined, this.controls.unread);
    const stream = this.streams.open();
    if (this.isOver) stream.end();
    return stream;
  }

  /** The control_sequence of a change: the first is the operation id, as the reference has it, and each is one more. */
  nextSequence(): bigint {
    return BigInt.asUintN(64, this.operationId + this.changes++);
  }

  progressed(progress: OperationProgress): void {
    if (this.streams?.wanted) this.streams.push(progress);
  }

  /** The operation is over. */
  end(): void {
    this.isOver = true;
    this.streams?.end();
  }
}
