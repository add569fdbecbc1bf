import { FlowBlockedError, type NnrpError } from 'nnrp-core';
import type { ReadingHold } from '../../connection/reading-hold.js';
import type { AnswerReader, AnswerWaiter } from '../requests/pending-requests.js';
import type { NnrpResult } from './nnrp-result.js';
import { RetainedChunks } from './retained-chunks.js';

/** Part of the limit that one operation may fill at most before its server is asked to hold it back. */
const OPERATION_SHARE = 4;
/** What each of many operations may fill all the same: a pause and its end cost two messages. */
const LEAST_OPERATION_BYTES = 16 * 1024;
const MIB = 1024 * 1024;
/**
 * Bytes on the wire that may come above the limit from operations whose server has been asked to hold them back: what lies
 * in its outbox and in the network by then.
 */
const UNDER_WAY_BYTES = 8 * MIB;
/** Bytes above the limit that are taken while an answer is awaited. */
const AWAITING_BYTES = 8 * MIB;
/** Milliseconds between two reports that reading has stopped. */
const REPORT_MS = 1000;

/** What a result that waits costs besides its bytes: the objects, and its place in a list (measured, rounded up). */
const RESULT_BYTES = 256;

/** What a result that waits unread holds. */
export function retainedBytes(result: NnrpResult): number {
  return result.byteLength + RESULT_BYTES;
}

/** Results that wait unread in one place. */
export interface UnreadShare {
  readonly sessionId: number;
  /** The operation they belong to; 0 = they wait in the loop over the results of the whole session. */
  readonly frameId: number;
  /** Bytes held for them: 256 for each result on top of its own. */
  readonly unreadBytes: number;
}

/** What the results that wait unread are to their connection. */
export interface ReadGateOwner {
  /** Reading stops; called at most once a second. */
  readingStopped(unreadBytes: number): void;
  /** Servers that understand it are asked to hold back every operation whose results wait. */
  holdBack(): void;
  /** Shows every result that waits. */
  eachUnread(visit: (result: NnrpResult) => void): void;
  /** Operations in flight on the connection. */
  readonly inFlight: number;
}

/**
 * Results that wait unread are bounded: at the limit nothing more is read. While an answer is awaited reading goes on, up
 * to a second limit; then each call that waits for an answer is told that too much comes before it.
 */
export class ReadGate implements AnswerReader {
  private unreadBytes = 0;
  private readingPaused = false;
  private failing = false;
  private pushedBack = false;
  /** Requests without an answer. */
  private readonly waiters = new Set<AnswerWaiter>();
  private pausedOperations = 0;
  /** Bytes on the wire that have come above the limit, less what was read since. */
  private underWayBytes = 0;
  private reportedMs = Number.NEGATIVE_INFINITY;
  private readonly chunks: RetainedChunks;
  private readonly maxAwaitingBytes: number;
  /** Of one operation, with so many in flight. */
  private operationBytes = 0;
  private withInFlight = -1;

  constructor(
    private readonly reading: ReadingHold,
    private readonly maxBytes: number,
    private readonly owner: ReadGateOwner,
  ) {
    this.chunks = new RetainedChunks(maxBytes / OPERATION_SHARE, (visit) => owner.eachUnread(visit));
    this.maxAwaitingBytes = maxBytes + Math.min(Math.max(maxBytes, MIB), AWAITING_BYTES);
  }

  /**
   * Bytes that one operation may have waiting before its server is asked to hold it back. All together may fill half of
   * the limit: an application that reads one operation after the other must not stop at the results of those behind.
   */
  get maxOperationBytes(): number {
    const { inFlight } = this.owner;
    if (inFlight !== this.withInFlight) {
      this.withInFlight = inFlight;
      const share = Math.max(this.maxBytes / (2 * inFlight + 1), LEAST_OPERATION_BYTES);
      this.operationBytes = Math.min(share, this.maxBytes / OPERATION_SHARE);
    }
    return this.operationBytes;
  }

  /** Answers that are awaited. */
  get awaited(): number {
    return this.waiters.size;
  }

  /** Whether reading has stopped. */
  get isReadingPaused(): boolean {
    return this.readingPaused;
  }

  /** @param bytes - what it holds, see {@link retainedBytes} */
  add(result: NnrpResult, bytes = retainedBytes(result)): void {
    this.unreadBytes += bytes;
    this.chunks.add(result);
    if (this.unreadBytes >= this.maxBytes && !this.readingPaused) this.full(result.byteLength);
  }

  remove(bytes: number): void {
    this.unreadBytes -= bytes;
    if (this.underWayBytes > 0) this.underWayBytes = Math.max(0, this.underWayBytes - bytes);
    if (this.unreadBytes * 2 > this.maxBytes) return;
    if (this.unreadBytes === 0) this.chunks.clear();
    this.pushedBack = false;
    this.readOn();
  }

  /** The server was asked to hold an operation back; what is under way already still comes. */
  operationPaused(): void {
    this.pausedOperations++;
  }

  /** The operation may go on, or is over. */
  operationPauseEnded(): void {
    this.pausedOperations--;
  }

  answerAwaited(waiter: AnswerWaiter): void {
    this.waiters.add(waiter);
    if (this.unreadBytes >= this.maxAwaitingBytes) this.failAwaited();
    else this.readOn();
  }

  answerCame(waiter: AnswerWaiter): void {
    this.waiters.delete(waiter);
  }

  private full(bytes: number): void {
    if (!this.pushedBack) {
      this.pushedBack = true;
      this.owner.holdBack();
    }
    this.underWayBytes += bytes;
    if (this.awaited > 0 && this.unreadBytes < this.maxAwaitingBytes) return;
    if (this.pausedOperations > 0 && this.underWayBytes < UNDER_WAY_BYTES) return;
    this.readingPaused = true;
    this.reading.hold();
    this.report();
    this.failAwaited();
  }

  private report(): void {
    const nowMs = performance.now();
    if (nowMs - this.reportedMs < REPORT_MS) return;
    this.reportedMs = nowMs;
    this.owner.readingStopped(this.unreadBytes);
  }

  /** Their answers may lie behind any number of results, which are not taken. */
  private failAwaited(): void {
    // A request that is given up makes room for another, which is awaited then: the loop below comes to it.
    if (this.failing) return;
    this.failing = true;
    try {
      for (const waiter of this.waiters) waiter.tooMuchBefore(tooMuchBefore(this.unreadBytes, this.maxBytes));
    } finally {
      this.failing = false;
    }
  }

  private readOn(): void {
    if (!this.readingPaused) return;
    this.readingPaused = false;
    this.reading.release();
  }
}

function tooMuchBefore(unreadBytes: number, maxBytes: number): NnrpError {
  const text =
    `too much arrives before the answer: ${unreadBytes} bytes of results wait unread, maxBufferedResultBytes is ` +
    `${maxBytes}; read the results, or cancel their operations`;
  return new FlowBlockedError(text, 'unread_results');
}
