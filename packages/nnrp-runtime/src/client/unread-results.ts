import type { FramedTransport } from '../transport/contract.js';
import type { AnswerReader } from './pending-requests.js';

/** Part of the limit that one operation may fill before its server is asked to hold it back. */
const OPERATION_SHARE = 4;
/** Bytes above the limit that may be under way from operations whose server has been asked to hold them back. */
const UNDER_WAY_BYTES = 8 * 1024 * 1024;
/** Milliseconds between two reports that reading has stopped. */
const REPORT_MS = 1000;

/** Results that wait unread in one place. */
export interface UnreadShare {
  readonly sessionId: number;
  /** The operation they belong to; 0 = they wait in the loop over the results of the whole session. */
  readonly frameId: number;
  readonly unreadBytes: number;
}

/** Results that wait unread are bounded: above the limit nothing more is read, unless an answer is awaited. */
export class UnreadResults implements AnswerReader {
  private unreadBytes = 0;
  private held = false;
  /** Requests without an answer. */
  private awaited = 0;
  private pausedOperations = 0;
  private reportedMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly transport: FramedTransport,
    private readonly maxBytes: number,
    /** Told when reading stops, at most once a second. */
    private readonly stopped: (unreadBytes: number) => void,
  ) {}

  /** Bytes that one operation may have waiting before its server is asked to hold it back. */
  get maxOperationBytes(): number {
    return this.maxBytes / OPERATION_SHARE;
  }

  /** Whether reading has stopped. */
  get isHolding(): boolean {
    return this.held;
  }

  add(bytes: number): void {
    this.unreadBytes += bytes;
    if (this.held || this.awaited > 0 || this.unreadBytes < this.maxBytes) return;
    if (this.pausedOperations > 0 && this.unreadBytes < this.maxBytes + UNDER_WAY_BYTES) return;
    this.held = true;
    this.transport.pause();
    const nowMs = performance.now();
    if (nowMs - this.reportedMs < REPORT_MS) return;
    this.reportedMs = nowMs;
    this.stopped(this.unreadBytes);
  }

  remove(bytes: number): void {
    this.unreadBytes -= bytes;
    if (this.unreadBytes * 2 <= this.maxBytes) this.readOn();
  }

  /** The server was asked to hold an operation back; what is under way already still comes. */
  operationPaused(): void {
    this.pausedOperations++;
  }

  /** The operation may go on, or is over. */
  operationResumed(): void {
    this.pausedOperations--;
  }

  answerAwaited(): void {
    this.awaited++;
    this.readOn();
  }

  answerCame(): void {
    this.awaited--;
  }

  private readOn(): void {
    if (!this.held) return;
    this.held = false;
    this.transport.resume();
  }
}
