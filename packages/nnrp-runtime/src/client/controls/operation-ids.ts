import { UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { DEADLINE_TYPE } from '../../connection/codes/preview4-codes.js';
import { preview4Words } from '../../connection/controls/loaded-preview4.js';
import type { MetadataCodec } from '../../connection/sending/outbound-message.js';
import type { ClientControls } from './client-controls.js';
import { OperationWords } from './operation-words.js';

/** Ids out of order that are remembered; a server refuses those that come again later. */
const MAX_OTHERS = 4096;
const TWO_32 = 0x1_0000_0000;
/** One for all sessions. */
let scratch: DataView | undefined;

/**
 * The operation ids of one session of preview4: a u64 for each submit, which is never used again. Those that the application does not
 * choose are counted up, above all that were used. As a codec it writes FRAME_SUBMIT with the id that comes next: one object for
 * all submits.
 */
export class OperationIds implements MetadataCodec<preview3.FrameSubmit> {
  private readonly words = preview4Words();
  readonly bytes = this.words.submitBytes;
  private low = 0;
  private high = 0;
  private highestLow = 0;
  private highestHigh = 0;
  /** All ids from 1 to this one were used ... */
  private counted = 0;
  /** ... and these. */
  private readonly others = new Set<string>();
  /** Frames of operations in flight whose id is not that of their frame, by their ids. */
  private readonly frames = new Map<string, number>();

  constructor(
    private readonly sessionId: number,
    readonly controls: ClientControls,
  ) {}

  /** The highest that was used; 0n before the first. */
  get highest(): bigint {
    return (BigInt(this.highestHigh) << 32n) | BigInt(this.highestLow);
  }

  readonly encode = (value: preview3.FrameSubmit, view: DataView, start: number): number =>
    this.words.encodeSubmit(value, this.low, this.high, view, start);

  head(value: preview3.FrameSubmit): Uint8Array | undefined {
    return this.words.submitHead(value, this.low, this.high);
  }

  /** Another client has used ids up to this one, a u32. */
  goOnBehind(id: number): void {
    this.counted = id;
    this.highestLow = id;
  }

  /** Ids are counted up from where those of a session were that was lost: it may be the same on the server. */
  goOnFrom({ highestLow, highestHigh }: OperationIds): void {
    this.highestLow = highestLow;
    this.highestHigh = highestHigh;
  }

  /** The next submit has this id. @param given - by the application @throws UsageError when it was used, or none is left */
  next(given: bigint | undefined): this {
    if (given === undefined) {
      this.low = (this.highestLow + 1) % TWO_32;
      this.high = this.low === 0 ? this.highestHigh + 1 : this.highestHigh;
      if (this.high < TWO_32) return this;
      throw new UsageError(
        `session ${this.sessionId}: no operation id is left above the highest one; choose operationId`,
      );
    }
    this.low = Number(given & 0xffff_ffffn);
    this.high = Number(given >> 32n);
    if (this.number > this.counted && !this.others.has(this.text)) return this;
    throw new UsageError(`session ${this.sessionId}: operationId ${given} was used before`);
  }

  /** Whether it can be sent with this metadata. @throws WireError when it cannot */
  canEncode(metadata: preview3.FrameSubmit): boolean {
    scratch ??= new DataView(new ArrayBuffer(this.bytes));
    return this.encode(metadata, scratch, 0) > 0;
  }

  /** DEADLINE of the next submit, which has this frame. */
  reserve(frameId: number, deadlineUnixMs: bigint): void {
    const operationId = (BigInt(this.high) << 32n) | BigInt(this.low);
    const change = { deadlineUnixMs, controlSequence: operationId };
    this.controls.schedule(DEADLINE_TYPE, { frameId, id: operationId }, change);
  }

  /** The submit has been sent. */
  taken(frameId: number): OperationWords {
    const { low, high } = this;
    if (high > this.highestHigh || (high === this.highestHigh && low > this.highestLow)) {
      this.highestLow = low;
      this.highestHigh = high;
    }
    if (this.number === this.counted + 1) this.counted++;
    else this.remember(this.text);
    if (low !== frameId || high !== 0) this.frames.set(this.text, frameId);
    return new OperationWords(low, high, this.controls);
  }

  /** Of an operation that another client has submitted. */
  ofAnother(frameId: number, id: bigint): OperationWords {
    this.low = Number(id & 0xffff_ffffn);
    this.high = Number(id >> 32n);
    return this.taken(frameId);
  }

  /** The frame of the operation in flight that has this id; undefined when there is none, or its frame is its id. */
  frameOf(operationId: bigint): number | undefined {
    return this.frames.get(textOf(Number(operationId & 0xffff_ffffn), Number(operationId >> 32n)));
  }

  /** The operation is over. */
  release({ low, high }: OperationWords): void {
    if (this.frames.size > 0) this.frames.delete(textOf(low, high));
  }

  /** Not exact above 2^53, where nothing is counted. */
  private get number(): number {
    return this.high * TWO_32 + this.low;
  }

  private get text(): string {
    return textOf(this.low, this.high);
  }

  private remember(id: string): void {
    this.others.add(id);
    if (this.others.size <= MAX_OTHERS) return;
    const [oldest] = this.others;
    if (oldest !== undefined) this.others.delete(oldest);
  }
}

/** With a sign in it: the language hashes digits alone without a seed. */
function textOf(low: number, high: number): string {
  return `${high}:${low}`;
}
