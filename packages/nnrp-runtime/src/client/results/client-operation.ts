import { CancelledError, forCaller, INSPECT, type Inspect, inspected, type NnrpError, UsageError } from 'nnrp-core';
import { ASYNC_DISPOSE } from '../../base/application/async-dispose.js';
import type { AsyncItems } from '../../base/async-items.js';
import { observer } from '../../base/diagnostics/observer.js';
import { answering, ignoreRejection, rejection, SETTLED } from '../../base/promises/settled.js';
import type { DeadlineList, Timed } from '../../base/time/deadline-queue.js';
import type { Turn } from '../../base/time/turn.js';
import { needsPreview4 } from '../../connection/controls/loaded-preview4.js';
import { type CancelOptions, cancelOptions } from '../controls/cancel-options.js';
import { ControlledOperation } from '../controls/controlled-operation.js';
import type { OperationWords } from '../controls/operation-words.js';
import { answersInParts } from '../failures/frame-failure.js';
import { PushIterator } from '../streams/push-iterator.js';
import type { Reader } from '../streams/read-step.js';
import { LoopPlace, TextPlace } from './loop-place.js';
import type { NnrpResult } from './nnrp-result.js';
import type { OperationOwner } from './operation-owner.js';
import { retainedBytes } from './read-gate.js';
import { TextIterator } from './text-iterator.js';

/**
 * One submitted unit of work and its results. Iterate it for all of them, partial ones first and the last one at the
 * end; or await `result()` for the last one alone. A dropped, failed, cancelled or disconnected operation throws.
 *
 * While an operation is in progress its unread results count against the client's buffer: a stream that is
 * not read stops all reading in the end. Once it is over, what is left is only held by the operation itself.
 */
export class ClientOperation extends ControlledOperation implements AsyncIterable<NnrpResult>, Timed {
  /** @internal For the session: stops listening to the signal that cancels the operation. */
  unfollow: (() => void) | undefined;
  /** @internal For the session: told of its end, with what it has failed of. */
  ended: ((failure?: NnrpError) => void) | undefined;
  /** @internal For the session: milliseconds that its answer may take beyond the deadline. */
  graceMs = 0;
  /** @internal For the session: it waits once more, its deadline has passed. */
  isOverdue = false;
  /** @internal */
  timedSince: Turn | undefined;
  /** @internal */
  timedBefore: Timed | undefined;
  /** @internal */
  timedAfter: Timed | undefined;
  /** @internal */
  timedIn: DeadlineList | undefined;
  /** @internal For the session: results of it have gone to the loop over the whole session. */
  isStreamed = false;
  /** @internal For the session: the server was asked to hold its results back. */
  paused = false;
  private waiting: NnrpResult[] | undefined;
  private head = 0;
  /** @internal For the session: bytes held for results that wait unread. */
  countedBytes = 0;
  private last: NnrpResult | undefined;
  private lastTaken = false;
  private failure: NnrpError | undefined;
  private discarding = false;
  /** There is to be one result, the last. */
  private isSingle = false;
  /** @internal For the session: which of its packets has ended it, counted from 1. */
  endPosition = 0;
  /** What its loop has read; undefined while nothing is on the way to one. */
  private place: LoopPlace | undefined;
  private textPlace: TextPlace | undefined;
  private iterator: PushIterator<NnrpResult> | undefined;
  private settled: Promise<NnrpResult> | undefined;
  private resolveLast: ((result: NnrpResult) => void) | undefined;
  private rejectLast: ((error: NnrpError) => void) | undefined;

  /** @internal */
  constructor(
    frameId: number,
    private readonly owner: OperationOwner<ClientOperation>,
    /** @internal Milliseconds that the server was granted, 0 = any time. */
    readonly deadlineMs = 0,
    /** What another client has read of its text ends with these bytes of a character; undefined where it has read none. */
    private readonly textBefore?: Uint8Array,
    words?: OperationWords,
  ) {
    super(frameId, words);
  }

  /** @internal For the session: whether it is its own, and not of one that was lost. */
  isOf(owner: OperationOwner<ClientOperation>): boolean {
    return this.owner === owner;
  }

  /** @internal For the session: the deadline, when it is over; else 0. */
  get overdueMs(): number {
    const { deadlineMs, timedSince, isOverdue } = this;
    if (timedSince === undefined) return 0;
    return isOverdue || performance.now() >= timedSince.endMs + deadlineMs ? deadlineMs : 0;
  }

  /** Whether the last answer has come, or is not waited for any more. */
  get isOver(): boolean {
    return this.last !== undefined || this.failure !== undefined;
  }

  /**
   * The last result. Unless a loop reads them, partial ones are not kept from now on. Once it has been asked for, leaving
   * the loop does not cancel the operation.
   * @throws (as a rejection) DeadlineError, CancelledError (by either side), PeerError (dropped, refused, busy, a failed handler, a
   * shutdown) or ClosedError (its session was closed) as the server says; TransportError when the connection ended first. See
   * docs/errors.md for each
   */
  result(): Promise<NnrpResult> {
    if (this.settled !== undefined) return this.settledAgain(this.settled);
    return this.settledOnce();
  }

  /** The answer to each further call: the same result, or an error of its own. */
  private settledAgain(settled: Promise<NnrpResult>): Promise<NnrpResult> {
    const own = settled.catch((error: unknown) => Promise.reject(forCaller(error)));
    return ignoreRejection(own);
  }

  private settledOnce(): Promise<NnrpResult> {
    if (this.settled === undefined) {
      if (this.iterator === undefined) this.discard();
      if (this.last !== undefined) this.settled = Promise.resolve(this.last);
      else if (this.failure !== undefined)
        this.settled = rejection(this.iterator === undefined ? this.failure : forCaller(this.failure));
      else {
        this.settled = new Promise((resolve, reject) => {
          this.resolveLast = resolve;
          this.rejectLast = reject;
        });
      }
    }
    return this.settled;
  }

  /**
   * Results in order. Leaving the loop before the last one, in whatever way, cancels the operation, since what
   * else comes could not be read. To have the last result all the same, call `result()` before.
   * @throws UsageError for a second loop, or after `result()`
   */
  [Symbol.asyncIterator](): AsyncItems<NnrpResult> {
    return this.resultIterator();
  }

  private resultIterator(): PushIterator<NnrpResult> {
    if (this.iterator !== undefined)
      throw new UsageError(`frame ${this.frameId}: a second loop over its results, which go to one loop only`);
    if (this.settled !== undefined) throw new UsageError(`frame ${this.frameId}: result() has taken the results`);
    this.iterator = new PushIterator(this);
    return this.iterator;
  }

  /**
   * The text of all results in order, the last one included, for one loop: `for await (const text of operation.text())`.
   * A character whose bytes lie in two results comes whole. Invalid UTF-8 becomes U+FFFD. Otherwise like the loop over the
   * results: it throws what the operation fails with, and leaving it early cancels the operation. The last result itself is
   * there afterwards, by `result()`.
   * @throws UsageError for a second loop, or after `result()`
   */
  text(): AsyncItems<string> {
    const place = new TextPlace(this.textBefore);
    return new TextIterator(this.textResults(place), this.textBefore, place);
  }

  /**
   * The same in one piece: `await operation.wholeText()`. It is no other form of `text()`, because an async function that
   * returned what can be awaited as well as iterated would give the whole text away in place of the pieces.
   * @throws (as a rejection) as `text`, and what the operation fails with
   */
  wholeText(): Promise<string> {
    return answering(async () => {
      let whole = '';
      // The application has nothing of it before it has all.
      const place = new TextPlace(this.textBefore);
      for await (const piece of new TextIterator(this.textResults(place), this.textBefore, undefined)) whole += piece;
      place.results.passedOver();
      return whole;
    });
  }

  private textResults(place: TextPlace): PushIterator<NnrpResult> {
    const results = this.resultIterator();
    this.textPlace = place;
    this.place = place.results;
    return results;
  }

  /** @internal For the loop: a result is on its way to it. */
  handed(result: NnrpResult): Reader<NnrpResult> | undefined {
    const { position } = result;
    if (position === 0) return undefined;
    this.place ??= new LoopPlace();
    this.place.handed(position);
    // Texts are read piece by piece.
    return this.textPlace === undefined ? this.place : undefined;
  }

  /** @internal For the loop: it asks for more. */
  asked(): void {
    if (this.textPlace === undefined) this.place?.passedOver();
  }

  /**
   * Gives the work up: tells the server by FRAME_CANCEL, CANCEL in preview4, once, and rejects what waits for a result with
   * CancelledError at once. The operation counts as in flight until the server has answered, or for `requestTimeoutMs`. After
   * the last answer it does nothing.
   * @param how - the reason, which becomes the cause of the error; or options: a plain object with members of CancelOptions alone
   * @throws UsageError on an option that does not fit, or that needs preview4
   */
  cancel(how?: unknown): void {
    this.cancelBy(cancelOptions(how));
  }

  /** `await using`: the end of the block cancels it, unless `result()` was asked for. */
  [ASYNC_DISPOSE](): Promise<void> {
    if (this.settled === undefined) this.cancel();
    return SETTLED;
  }

  /** @internal For the session: its signal has aborted. @param reason - whatever that is */
  cancelFor(reason: unknown): void {
    this.cancelBy({ reason });
  }

  private cancelBy(options: CancelOptions): void {
    const { abort, reasonCode } = options;
    if (this.words === undefined && (abort === true || reasonCode !== undefined)) throw needsPreview4();
    if (this.isOver) return;
    this.giveUp(new CancelledError(`frame ${this.frameId} was cancelled`, { cause: options.reason }), options);
  }

  /** @internal For the session: it is given up, and the server is told. */
  giveUp(error: NnrpError, options?: CancelOptions): void {
    if (this.isOver) return;
    this.owner.cancelled(this, error, options);
    this.discard();
    this.fail(error);
  }

  /** @internal For the deadline queue: its deadline has passed without an answer. */
  expired(lateMs: number): void {
    this.owner.expired(this, lateMs);
  }

  /** @internal For the deadline queue: what it threw costs the connection. */
  crashed(error: unknown): void {
    this.owner.crashed(error);
  }

  /**
   * @internal For the session: the last result, which is to be the only one. With a partial one the operation is cancelled
   * and fails.
   */
  onlyResult(): Promise<NnrpResult> {
    this.isSingle = true;
    return this.settledOnce();
  }

  /** @internal For the session: whether partial results are for a loop of its own, or not to come at all. */
  get takesPartials(): boolean {
    return this.isSingle || (this.iterator !== undefined && !this.discarding);
  }

  /** @internal For the session: the next result. One that comes after the end of all waiting is passed over. */
  push(result: NnrpResult): void {
    if (this.failure !== undefined) return;
    if (!result.partial) {
      this.last = result;
      observer?.end(this);
      this.words?.end();
      this.uncount(this.countedBytes);
      this.resolveLast?.(result);
      this.ended?.();
      if (this.iterator?.deliver(result)) {
        this.lastTaken = true;
        this.iterator.ended();
      }
    } else if (this.discarding) {
      if (this.isSingle) this.giveUp(answersInParts(this.frameId));
    } else if (!this.iterator?.deliver(result)) {
      this.waiting ??= [];
      this.waiting.push(result);
      const bytes = retainedBytes(result);
      this.countedBytes += bytes;
      this.owner.buffered(result, bytes, this);
    }
  }

  /** @internal For the session: there will be no more. */
  fail(error: NnrpError): void {
    if (this.isOver) return;
    this.failure = error;
    observer?.end(this, error);
    this.ended?.(error);
    this.words?.end();
    this.uncount(this.countedBytes);
    if (this.rejectLast !== undefined && this.settled !== undefined) {
      ignoreRejection(this.settled);
      this.rejectLast(error);
    }
    this.iterator?.ended();
  }

  /** @internal For the loop: the next result that waits. */
  take(): NnrpResult | undefined {
    if (this.waiting === undefined) {
      if (this.last === undefined || this.lastTaken || this.discarding) return undefined;
      this.lastTaken = true;
      return this.last;
    }
    const result = this.waiting[this.head] as NnrpResult;
    this.waiting[this.head++] = undefined as never;
    if (this.head === this.waiting.length) {
      this.waiting = undefined;
      this.head = 0;
    }
    this.uncount(Math.min(this.countedBytes, retainedBytes(result)));
    return result;
  }

  /** @internal For the session: every result that waits. */
  eachUnread(visit: (result: NnrpResult) => void): void {
    const { waiting } = this;
    if (waiting === undefined) return;
    for (let at = this.head; at < waiting.length; at++) visit(waiting[at] as NnrpResult);
  }

  /** @internal For tickets: which packet has brought the first result that was not read, or the end; 0 when all was read. */
  get unreadFrom(): number {
    const handed = this.place?.unreadFrom ?? 0;
    if (handed > 0) return handed;
    const first = this.waiting?.[this.head];
    if (first !== undefined) return first.position;
    return this.isOver && !this.isEndRead ? this.endPosition : 0;
  }

  /** @internal For tickets: whether it is over, and the application has had all of it. */
  get isReadToEnd(): boolean {
    return this.waiting === undefined && (this.place?.unreadFrom ?? 0) === 0 && this.isOver && this.isEndRead;
  }

  /** @internal For tickets: milliseconds that are left until its deadline. */
  get leftMs(): number {
    const { deadlineMs, timedSince } = this;
    return timedSince === undefined ? deadlineMs : Math.max(0, timedSince.endMs + deadlineMs - performance.now());
  }

  /** @internal For tickets: the bytes of a character whose rest has not come; undefined where its text is not being read. */
  get textTail(): Uint8Array | undefined {
    return this.textPlace?.tail ?? this.textBefore;
  }

  private get isEndRead(): boolean {
    if (this.settled !== undefined || this.discarding || this.lastTaken) return true;
    return this.failure !== undefined && this.iterator?.isFinished === true;
  }

  /** @internal For the loop: why no more results come. */
  ending(): NnrpError | true | undefined {
    return this.failure ?? (this.last === undefined ? undefined : true);
  }

  /** @internal For the loop: it was left. */
  left(): void {
    this.discard();
    if (this.settled !== undefined || this.isOver) return;
    this.giveUp(new CancelledError(`frame ${this.frameId} was cancelled: its loop was left before the last result`));
  }

  /** @internal For the session: the loop over all its results was left. A loop that has not had all of them has nothing. */
  streamLeft(): void {
    if (!this.isStreamed || this.iterator !== undefined || this.settled !== undefined || this.isOver) return;
    const text = 'the loop over the results of its session was left before the last one';
    this.giveUp(new CancelledError(`frame ${this.frameId} was cancelled: ${text}`));
  }

  /** Partial results are not read any more. */
  private discard(): void {
    this.discarding = true;
    this.place?.passedOver();
    this.waiting = undefined;
    this.head = 0;
    this.uncount(this.countedBytes);
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { frameId, isOver, failure } = this;
    const waitingResults = (this.waiting?.length ?? 0) - this.head;
    return { frameId, isOver, waitingResults, failure: failure?.message };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('ClientOperation', this.toJSON(), depth, options, inspect);
  }

  private uncount(bytes: number): void {
    if (bytes === 0) return;
    this.countedBytes -= bytes;
    this.owner.consumed(bytes, this);
  }
}
