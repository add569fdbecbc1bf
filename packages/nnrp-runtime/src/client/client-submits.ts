import {
  CancelledError,
  ClosedError,
  type FlowOutcome,
  forCaller,
  IdSet,
  IdTable,
  isNnrpError,
  isPeerError,
  type NnrpError,
  type Packet,
  preview3,
  UsageError,
} from 'nnrp-core';
import { guard } from '../base/guard.js';
import { type BodyInput, bodyBytes } from '../connection/body-bytes.js';
import { FRAME_SUBMIT } from '../connection/codecs.js';
import type { Lane } from '../connection/outbox.js';
import { rejection, unheard } from '../settled.js';
import { followSignal, reasonOf } from './abort-signals.js';
import { CancelledFrames } from './cancelled-frames.js';
import { CompleteSubmit, completeSubmit, type SubmitInit, type SubmitOptions } from './client-messages.js';
import { ClientOperation, type OperationOwner } from './client-operation.js';
import type { ClientSessionConnection } from './client-session-connection.js';
import { RoomTurn, type RoomWaiter } from './connection-flow.js';
import { dropFailure, frameFailure } from './frame-failure.js';
import { NnrpResult } from './nnrp-result.js';
import type { OperationFlow } from './operation-flow.js';
import type { ReportedError } from './peer-error.js';
import type { ResultStream } from './result-stream.js';
import { SubmitDeadlines } from './submit-deadlines.js';
import { type Blockage, SubmitGate } from './submit-gate.js';
import type { UnreadShare } from './unread-results.js';
import { WaitingSubmits } from './waiting-submits.js';

const { MessageType } = preview3;
/** The last frame id: one more would not fit the header. */
const MAX_FRAME_ID = 0xfffffffe;
/** Milliseconds by which a timer of the server may be early. */
const TIMER_SLACK_MS = 5;
/** Frames that an ERROR has settled, remembered until their RESULT_DROP comes. */
const MAX_SETTLED = 64;

/** Codes of frames that a server gives up because it, or their session, comes to an end. */
const CUT_CODES: readonly string[] = ['NNRP_ERR_CLOSED', 'NNRP_ERR_SERVER_SHUTDOWN'];

const BEHIND_OTHERS: Blockage = Object.freeze({ reason: 'queued' });

/** The work of one session: submits it as flow control allows, and gives each operation its results. */
export class ClientSubmits implements OperationOwner, RoomWaiter {
  /** The newest frame id that was used, 0 = none: what SESSION_CLOSE reports. */
  highestFrameId = 0;
  /** The highest frame that had a result, 0 = none. */
  lastResultFrameId = 0;
  readonly roomTurn: RoomTurn = new RoomTurn(this);
  /** Takes every result of the session while somebody reads it. */
  stream: ResultStream | undefined;
  /** Frames that had no answer when the session was closed. */
  readonly cutFrameIds: number[] = [];
  private readonly operations = new IdTable<ClientOperation>();
  private readonly gate: SubmitGate;
  private readonly waiting: WaitingSubmits;
  private readonly settledByError = new IdSet();
  private readonly cancels: CancelledFrames;
  private readonly deadlines: SubmitDeadlines;
  private refusal: NnrpError | undefined;
  /** From when on the server drops because of it, in milliseconds of `performance.now()`. */
  private cutsFromMs = 0;
  /** Whether the server is one that says why it drops a frame, unless its handler does. */
  private readonly isToldWhy: boolean;
  /** Whether the last submit left room for more. */
  private roomLeft = true;

  constructor(
    private readonly connection: ClientSessionConnection,
    private readonly sessionId: number,
    private readonly lane: Lane,
    ack: preview3.SessionOpenAck,
    /** Milliseconds, 0 = none. */
    defaultDeadlineMs: number,
    private readonly operationFlow: OperationFlow,
    /** Called when an operation is over without an answer. */
    private readonly released: () => void = () => {},
  ) {
    this.deadlines = new SubmitDeadlines(connection, defaultDeadlineMs);
    this.gate = new SubmitGate(connection, ack);
    this.isToldWhy = connection.understands(preview3.PeerMessages.ErrorDetails);
    this.waiting = new WaitingSubmits(
      connection,
      () => connection.flow.serve(this),
      connection.config.maxWaitingSubmits,
    );
    this.cancels = new CancelledFrames(connection, connection.config.requestTimeoutMs, (frameId) =>
      this.release(frameId),
    );
  }

  /** Operations without their last answer; a cancelled one counts until the server has answered, or had time to. */
  get inFlightCount(): number {
    return this.operations.size;
  }

  /** Whether nothing has to come any more; a frame that an ERROR has settled is still dropped. */
  get isIdle(): boolean {
    return this.operations.size === 0 && this.settledByError.size === 0;
  }

  get isBackground(): boolean {
    return this.gate.isBackground;
  }

  operation(frameId: number): ClientOperation | undefined {
    return this.operations.get(frameId);
  }

  /** Whether the frame was cancelled, and its answer is not waited for any more. */
  isReleased(frameId: number): boolean {
    return this.cancels.isReleased(frameId, false);
  }

  submitNowait(body: BodyInput, metadata?: SubmitInit, options?: SubmitOptions): ClientOperation {
    const bytes = bodyBytes(body);
    const complete = this.complete(metadata, options);
    const blockage = this.blockage();
    if (blockage !== undefined) throw this.gate.error(blockage);
    return this.start(bytes, complete, options);
  }

  submit(body: BodyInput, metadata?: SubmitInit, options?: SubmitOptions): Promise<ClientOperation> {
    try {
      const bytes = bodyBytes(body);
      const complete = this.complete(metadata, options);
      const blockage = this.blockage();
      if (blockage === undefined) return this.whenSent(this.start(bytes, complete, options));
      if (options?.onBlocked === 'fail') throw this.gate.error(blockage);
      checkNotAborted(options?.signal);
      // The application goes on with what it has given: while others are answered it may fill a buffer anew.
      const own = typeof body === 'string' ? bytes : new Uint8Array(bytes);
      const started = this.waiting.add(own, complete === metadata ? new CompleteSubmit(complete) : complete, options);
      this.connection.flow.serve(this);
      return started;
    } catch (error) {
      return rejection(error);
    }
  }

  startNext(): 'started' | 'held up' | 'blocked' | 'idle' {
    const next = this.waiting.first();
    if (next === undefined) return 'idle';
    const blockage = this.gate.blockage(this.operations.size);
    if (blockage !== undefined) {
      this.waiting.retry(blockage);
      return this.gate.isConnectionBlocking ? 'held up' : 'blocked';
    }
    this.waiting.take(next);
    try {
      next.resolve(this.whenSent(this.start(next.body, next.metadata, next.options)));
    } catch (error) {
      next.reject(error as Error);
    }
    return 'started';
  }

  /** FLOW_UPDATE of session scope. */
  flowUpdated(update: preview3.FlowUpdate): FlowOutcome {
    const outcome = this.gate.update(update);
    if (outcome === 'applied') this.connection.flow.serve(this);
    return outcome;
  }

  /** RESULT_PUSH. @returns false when nobody waits for it */
  resultArrived(packet: Packet): boolean {
    const { frameId } = packet;
    const operation = this.operations.get(frameId);
    if (operation === undefined) return this.resultIsLate(packet);
    const result = new NnrpResult(packet, frameId);
    if (frameId > this.lastResultFrameId) this.lastResultFrameId = frameId;
    const { stream } = this;
    if (stream === undefined) operation.push(result);
    else if (!operation.done) {
      operation.isStreamed = true;
      stream.push({ operation, result });
      if (!result.partial || operation.isLooped) operation.push(result);
    }
    if (!result.partial) this.finished(operation);
    return true;
  }

  /** RESULT_DROP. @returns the operation that ends with it; undefined when there is none, false when that is odd */
  dropped(frameId: number): ClientOperation | undefined | false {
    const operation = this.operations.get(frameId);
    if (operation === undefined) {
      return this.settledByError.delete(frameId) || this.cancels.isReleased(frameId, true) ? undefined : false;
    }
    // A server that does not say why it drops a frame of a session that is being closed has run out of time for it.
    const closing = this.isToldWhy || operation.done ? undefined : this.refusal;
    if (closing !== undefined) this.cutFrameIds.push(frameId);
    const isCut = performance.now() >= this.cutsFromMs;
    operation.fail(dropFailure(frameId, this.isToldWhy, operation.overdueMs, closing, isCut));
    this.finished(operation);
    return operation;
  }

  /** ERROR about a frame. @returns the operation that ends with it */
  reportedFailed(frameId: number, reported: ReportedError): ClientOperation | undefined {
    const operation = this.operations.get(frameId);
    if (operation === undefined) return undefined;
    const error = frameFailure(reported, frameId, operation.deadlineMs);
    if (!operation.done && CUT_CODES.includes(error.code)) this.cutFrameIds.push(frameId);
    return this.failed(frameId, error);
  }

  /** A frame cannot be answered properly. @returns the operation that ends with it */
  failed(frameId: number, error: NnrpError): ClientOperation | undefined {
    const operation = this.operations.get(frameId);
    if (operation === undefined) return undefined;
    operation.fail(error);
    this.settledByError.add(frameId);
    if (this.settledByError.size > MAX_SETTLED) this.settledByError.delete(this.settledByError.oldest ?? 0);
    this.finished(operation);
    return operation;
  }

  /** A submit was left out because its body had changed: the server knows nothing of it. */
  unsent(frameId: number, error: NnrpError): void {
    const operation = this.operations.get(frameId);
    if (operation === undefined) return;
    operation.fail(error);
    this.finished(operation);
  }

  /** No new work: what waits for its turn is refused. @param drainMs - that the server gives to work in progress */
  refuse(reason: NnrpError, drainMs = 0): void {
    this.refusal = reason;
    this.cutsFromMs = performance.now() + drainMs - TIMER_SLACK_MS;
    this.connection.flow.forget(this);
    this.waiting.end(reason);
    // Another one looks after the time to wait now.
    this.connection.flow.serveAll();
  }

  /** Nobody waits for work in progress any more, and the server is told. */
  cutAll(reason: NnrpError): void {
    for (const operation of this.operations.values()) {
      if (operation.done) continue;
      this.cutFrameIds.push(operation.frameId);
      operation.giveUp(cutError(operation.frameId, reason));
    }
  }

  /** The loop over all results was left: what nobody else reads is given up. */
  streamLeft(): void {
    this.stream = undefined;
    for (const operation of this.operations.values()) operation.streamLeft();
  }

  /** Takes work again. */
  admit(): void {
    this.refusal = undefined;
  }

  end(reason: NnrpError): void {
    // A server that shuts down has said so before: that holds for what is in flight, too.
    const why = isNnrpError(reason, 'NNRP_ERR_CLOSED') && isPeerError(this.refusal) ? this.refusal : reason;
    this.refuse(why);
    this.cancels.end();
    const { flow } = this.connection;
    const operations = this.operations.values();
    this.operations.clear();
    flow.inFlight -= operations.length;
    // Each by itself: one that the application has frozen must keep no other from being told.
    for (const operation of operations) {
      guard(this, () => {
        this.forget(operation);
        this.cut(operation, why);
      });
    }
    this.stream?.end(forCaller(reason));
    this.stream = undefined;
    flow.serveAll();
  }

  /** @param operation - absent when the result waits in the loop over the whole session */
  buffered(result: NnrpResult, heldBytes: number, operation?: ClientOperation): void {
    const { unread } = this.connection;
    if (operation !== undefined && operation.countedBytes >= unread.maxOperationBytes) this.pause(operation);
    unread.add(result, heldBytes);
  }

  /** Asks the server to hold back every operation whose results wait. */
  holdBack(): void {
    for (const operation of this.operations.values()) if (operation.countedBytes > 0) this.pause(operation);
  }

  /** Shows every result that waits. */
  eachUnread(visit: (result: NnrpResult) => void): void {
    for (const operation of this.operations.values()) operation.eachUnread(visit);
    this.stream?.eachUnread(visit);
  }

  private pause(operation: ClientOperation): void {
    if (operation.paused) return;
    operation.paused = this.operationFlow.pause(operation);
    if (operation.paused) this.connection.unread.operationPaused();
  }

  consumed(bytes: number, operation?: ClientOperation): void {
    const { unread } = this.connection;
    if (operation?.paused && operation.countedBytes * 2 <= unread.maxOperationBytes) {
      operation.paused = false;
      unread.operationResumed();
      if (!operation.done) this.operationFlow.resume(operation);
    }
    unread.remove(bytes);
  }

  /** What holds most of the results of this session that wait unread. */
  get mostUnread(): UnreadShare {
    let most: UnreadShare = { sessionId: this.sessionId, frameId: 0, unreadBytes: this.stream?.unreadBytes ?? 0 };
    for (const { frameId, countedBytes } of this.operations.values()) {
      if (countedBytes > most.unreadBytes) most = { sessionId: this.sessionId, frameId, unreadBytes: countedBytes };
    }
    return most;
  }

  cancelled(operation: ClientOperation): void {
    if (!this.operations.has(operation.frameId)) return;
    this.connection.sendPlain(MessageType.FrameCancel, this.sessionId, operation.frameId, this.lane);
    this.cancels.add(operation.frameId);
  }

  expired(operation: ClientOperation, lateMs: number): void {
    this.deadlines.expired(operation, lateMs);
  }

  crashed(error: unknown): void {
    this.connection.crashed(error);
  }

  private start(body: Uint8Array, metadata: preview3.FrameSubmit, options?: SubmitOptions): ClientOperation {
    if (this.highestFrameId >= MAX_FRAME_ID) {
      throw new UsageError(`session ${this.sessionId}: the frame ids are used up`);
    }
    const { signal, traceId } = options ?? NO_OPTIONS;
    checkNotAborted(signal);
    const frameId = this.highestFrameId + 1;
    // The id counts as used only once the submit could be encoded.
    this.roomLeft = this.connection.send(
      MessageType.FrameSubmit,
      this.sessionId,
      frameId,
      FRAME_SUBMIT,
      metadata,
      body,
      this.lane,
      traceId === undefined ? 0 : Number(traceId & 0xffffffffn),
      traceId === undefined ? 0 : Number(traceId >> 32n),
    );
    this.highestFrameId = frameId;
    const { latencyBudgetMs } = metadata;
    const deadlineMs = this.deadlines.limitMs(latencyBudgetMs, options?.deadlineMs);
    const operation = new ClientOperation(frameId, this, deadlineMs);
    if (deadlineMs > 0) this.deadlines.watch(operation, latencyBudgetMs);
    this.operations.set(frameId, operation);
    this.connection.flow.inFlight++;
    if (signal !== undefined) this.follow(operation, signal);
    return operation;
  }

  /** @throws what the signal throws; nobody gets the operation then, so it is given up */
  private follow(operation: ClientOperation, signal: AbortSignal): void {
    try {
      operation.unfollow = followSignal(this.connection, signal, () => operation.cancel(reasonOf(signal)));
    } catch (error) {
      operation.cancel(error);
      throw error;
    }
  }

  private complete(metadata?: SubmitInit, options?: SubmitOptions): preview3.FrameSubmit {
    const deadlineMs = options?.deadlineMs;
    return completeSubmit(
      metadata,
      options,
      deadlineMs === undefined ? undefined : this.deadlines.budgetMs(deadlineMs),
    );
  }

  /** The answer to its cancel has not come in time. */
  private release(frameId: number): void {
    const operation = this.operations.get(frameId);
    if (operation === undefined) return;
    this.finished(operation);
    this.released();
  }

  private resultIsLate(packet: Packet): boolean {
    return this.cancels.isReleased(packet.frameId, !new NnrpResult(packet).partial);
  }

  private finished(operation: ClientOperation): void {
    this.operations.delete(operation.frameId);
    this.cancels.answered(operation.frameId);
    this.forget(operation);
    this.connection.flow.finished(this);
  }

  /** Fails an operation that the end of its session leaves without an answer; the connection's own end is said as it is. */
  private cut(operation: ClientOperation, reason: NnrpError): void {
    if (operation.done) return;
    this.cutFrameIds.push(operation.frameId);
    operation.fail(isNnrpError(reason, 'NNRP_ERR_CLOSED') ? cutError(operation.frameId, reason) : forCaller(reason));
  }

  /** Neither its signal nor its deadline has anything to do any more. */
  private forget(operation: ClientOperation): void {
    operation.unfollow?.();
    this.connection.deadlines.remove(operation);
  }

  private whenSent(operation: ClientOperation): Promise<ClientOperation> {
    if (this.roomLeft) return Promise.resolve(operation);
    return unheard(this.connection.whenDrained(this.lane).then(() => operation));
  }

  /** @throws why no work is taken at all */
  private blockage(): Blockage | undefined {
    if (this.refusal !== undefined) throw forCaller(this.refusal);
    const blockage = this.gate.blockage(this.operations.size);
    if (blockage !== undefined || this.waiting.isEmpty) return blockage;
    // The time to wait has just passed: those who have waited for it go first.
    this.connection.flow.serve(this);
    return this.gate.blockage(this.operations.size) ?? (this.waiting.isEmpty ? undefined : BEHIND_OTHERS);
  }
}

const NO_OPTIONS: SubmitOptions = Object.freeze({});

function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new CancelledError('the submit was cancelled before it was sent', { cause: reasonOf(signal) });
}

function cutError(frameId: number, reason: NnrpError): ClosedError {
  return new ClosedError(`frame ${frameId} was cut: ${reason.rawMessage}`, { cause: reason });
}
