import {
  forCaller,
  IdSet,
  IdTable,
  isNnrpError,
  isPeerError,
  type NnrpError,
  type Packet,
  UsageError,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { observer } from '../../base/diagnostics/observer.js';
import { guard } from '../../base/guard.js';
import { ignoreRejection, ignoreRejectionsIn, rejection } from '../../base/promises/settled.js';
import { type BodyInput, bodyBytes } from '../../connection/body/body-bytes.js';
import { isPartialResult } from '../../connection/body/result-kind.js';
import { needsPreview4 } from '../../connection/controls/loaded-preview4.js';
import type { Lane } from '../../connection/sending/outbox.js';
import { type CancelOptions, sendCancel } from '../controls/cancel-options.js';
import type { ClientControls } from '../controls/client-controls.js';
import { OperationIds } from '../controls/operation-ids.js';
import { type DropReason, isClosedReason, reasonFailure } from '../failures/drop-reason.js';
import { CUT_CODES, cutError, dropFailure, frameFailure } from '../failures/frame-failure.js';
import type { ReportedError } from '../failures/peer-error.js';
import { lostBeforeSent, lostFrame } from '../recovery/session-lost.js';
import { ClientOperation } from '../results/client-operation.js';
import { NnrpResult } from '../results/nnrp-result.js';
import type { OperationOwner } from '../results/operation-owner.js';
import type { ResultStream } from '../results/result-stream.js';
import { CancelledFrames } from './cancelled-frames.js';
import type { ClientSessionConnection } from './client-session-connection.js';
import type { OperationFlow } from './operation-flow.js';
import { SubmitDeadlines } from './submit-deadlines.js';
import { SubmitLine } from './submit-line.js';
import { checkNotAborted, completeSubmit, MAX_FRAME_ID, type SubmitOptions } from './submit-options.js';
import { followOperation, sendSubmit, sentOrEnded } from './submit-steps.js';
import { UnreadEnds } from './unread-ends.js';
import { UnreadOperations } from './unread-operations.js';
import { type Begun, onlyResult, type SubmitStarter, type ToldOptions, told, whenSent } from './waiting-submits.js';

/** Milliseconds by which a timer of the server may be early. */
const TIMER_SLACK_MS = 5;
/** Frames that an ERROR has settled, remembered until their RESULT_DROP comes. */
const MAX_SETTLED = 64;

/** The work of one session: submits it as flow control allows, and gives each operation its results. */
export class ClientSubmits implements OperationOwner<ClientOperation>, SubmitStarter {
  /** The newest frame id that was used, 0 = none: what SESSION_CLOSE reports. */
  highestFrameId = 0;
  /** The highest frame that had a result, 0 = none. */
  lastResultFrameId = 0;
  /** Those that wait for their turn. */
  readonly line: SubmitLine;
  /** Takes every result of the session while a loop reads it. */
  stream: ResultStream | undefined;
  /** Frames that had no answer when the session was closed. */
  readonly cutFrameIds: number[] = [];
  /** Those that wait unread. */
  readonly unread: UnreadOperations;
  /** Those that are over, and were not read to their end. */
  readonly ends: UnreadEnds;
  readonly operations = new IdTable<ClientOperation>();
  private readonly settledByError = new IdSet();
  private readonly cancels: CancelledFrames;
  /** In preview4. */
  readonly ids: OperationIds | undefined;
  private readonly deadlines: SubmitDeadlines;
  /** From when on the server drops because of it, in milliseconds of `performance.now()`. */
  private cutsFromMs = 0;
  /** Whether the server is one that says why it drops a frame, unless its handler does. */
  private readonly isToldWhy: boolean;
  /** The session was lost, with these frames. */
  private loss: { readonly reason: NnrpError; readonly frameIds: ReadonlySet<number> } | undefined;
  /** Whether the last submit left room for more. */
  private roomLeft = true;

  constructor(
    private readonly connection: ClientSessionConnection,
    private readonly sessionId: number,
    private readonly lane: Lane,
    ack: preview3.SessionOpenAck,
    /** Milliseconds, 0 = none. */
    defaultDeadlineMs: number,
    operationFlow: OperationFlow,
    /** Called when an operation is over without an answer. */
    private readonly released: () => void = () => {},
    /** Of the session that was lost: what waits there for its turn waits here. */
    before?: ClientSubmits,
    /** In preview4. */
    controls?: ClientControls,
  ) {
    this.unread = new UnreadOperations(connection, sessionId, this.operations, operationFlow);
    this.ends = new UnreadEnds(connection, sessionId);
    this.deadlines = new SubmitDeadlines(connection, defaultDeadlineMs);
    this.line = new SubmitLine(connection, ack, this, before?.line);
    this.isToldWhy = connection.understands(preview3.PeerMessages.ErrorDetails);
    this.ids = controls && new OperationIds(sessionId, controls);
    if (before?.ids !== undefined) this.ids?.goOnFrom(before.ids);
    this.cancels = new CancelledFrames(connection, connection.config.requestTimeoutMs, (frameId) =>
      this.release(frameId),
    );
  }

  /** Operations without their last answer; a cancelled one counts until the server has answered, or had time to. */
  get inFlightCount(): number {
    return this.operations.size;
  }

  /** What SESSION_CLOSE says of them. */
  get lastOperationId(): bigint {
    return this.ids?.highest ?? BigInt(this.highestFrameId);
  }

  /** Whether nothing has to come any more; a frame that an ERROR has settled is still dropped. */
  get nothingInFlight(): boolean {
    return this.operations.size === 0 && this.settledByError.size === 0;
  }

  operation(frameId: number): ClientOperation | undefined {
    return this.operations.get(frameId);
  }

  /** Whether the frame was cancelled, and its answer is not waited for any more. */
  isReleased(frameId: number): boolean {
    return this.cancels.isReleased(frameId, false);
  }

  submitNow(body: BodyInput, options?: SubmitOptions): ClientOperation {
    let own: ToldOptions | undefined;
    try {
      const bytes = bodyBytes(body);
      const complete = this.complete(options);
      own = told(this.sessionId, bytes.length, options);
      const blockage = this.line.blockage(this.operations.size);
      if (blockage !== undefined) throw this.line.error(blockage);
      return this.start(bytes, complete, own);
    } catch (error) {
      observer?.unsent(own, error);
      ignoreRejectionsIn(body, options);
      throw error;
    }
  }

  submit(body: BodyInput, options?: SubmitOptions): Promise<ClientOperation> {
    return this.inTurn(body, options, whenSent);
  }

  /** The one result of the work. It does not wait for room: the answer comes after that. */
  request(body: BodyInput, options?: SubmitOptions): Promise<NnrpResult> {
    return this.inTurn(body, options, onlyResult);
  }

  /** @param begun - what the caller gets when it is its turn */
  private inTurn<T>(body: BodyInput, options: SubmitOptions | undefined, begun: Begun<T>): Promise<T> {
    let own: ToldOptions | undefined;
    try {
      const bytes = bodyBytes(body);
      const complete = this.complete(options);
      own = told(this.sessionId, bytes.length, options);
      const blockage = this.line.blockage(this.operations.size);
      if (blockage === undefined) return begun(this.start(bytes, complete, own), this);
      return this.line.wait(body, bytes, complete, own, blockage, begun);
    } catch (error) {
      observer?.unsent(own, error);
      return rejection(error, body, options);
    }
  }

  /** RESULT_PUSH. @returns false when no operation waits for it */
  resultArrived(packet: Packet): boolean {
    const { frameId } = packet;
    const operation = this.operations.get(frameId);
    const isPartial = isPartialResult(packet, this.ids !== undefined);
    if (operation === undefined || !operation.isNamedBy(packet)) return this.cancels.isReleased(frameId, !isPartial);
    const result = new NnrpResult(packet, frameId, isPartial, this.ids !== undefined);
    result.position = this.ends.position;
    if (frameId > this.lastResultFrameId) this.lastResultFrameId = frameId;
    observer?.result(operation, packet.bodyLength, result.partial);
    const { stream } = this;
    if (stream === undefined) operation.push(result);
    else if (!operation.isOver) {
      operation.isStreamed = true;
      stream.push({ operation, result });
      if (!result.partial || operation.takesPartials) operation.push(result);
    }
    if (result.partial) operation.words?.tookPart(packet);
    else this.finished(operation);
    return true;
  }

  /**
   * RESULT_DROP or RESULT_DROP_REASON.
   * @returns the operation that ends with it; undefined when there is none, false when that is odd
   */
  dropped(frameId: number, reason?: DropReason): ClientOperation | undefined | false {
    const operation = this.operations.get(frameId);
    if (operation === undefined) {
      return this.settledByError.delete(frameId) || this.cancels.isReleased(frameId, true) ? undefined : false;
    }
    // A server that does not say why it drops a frame of a session that is being closed has run out of time for it.
    const isToldWhy = reason === undefined ? this.isToldWhy : !isClosedReason(reason);
    const closing = isToldWhy || operation.isOver ? undefined : this.line.stopReason;
    if (closing !== undefined) this.cutFrameIds.push(frameId);
    const isCut = performance.now() >= this.cutsFromMs;
    if (reason !== undefined) operation.fail(reasonFailure(frameId, reason, operation.deadlineMs));
    else operation.fail(dropFailure(frameId, this.isToldWhy, operation.overdueMs, closing, isCut));
    this.finished(operation);
    return operation;
  }

  /** ERROR about a frame. @returns the operation that ends with it */
  reportedFailed(frameId: number, reported: ReportedError): ClientOperation | undefined {
    const operation = this.operations.get(frameId);
    if (operation === undefined) return undefined;
    const error = frameFailure(reported, frameId, operation.deadlineMs);
    if (!operation.isOver && CUT_CODES.includes(error.code)) this.cutFrameIds.push(frameId);
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
    this.finished(operation, 'here');
  }

  /** No new work: what waits for its turn is refused. @param drainMs - that the server gives to work in progress */
  stopTaking(reason: NnrpError, drainMs = 0): void {
    this.cutsFromMs = performance.now() + drainMs - TIMER_SLACK_MS;
    this.line.stopTaking(reason);
  }

  /** Gives up work in progress, and tells the server. */
  cutAll(reason: NnrpError): void {
    for (const operation of this.operations.values()) {
      if (operation.isOver) continue;
      this.cutFrameIds.push(operation.frameId);
      operation.giveUp(cutError(operation.frameId, reason));
    }
  }

  /** The loop over all results was left: what is not read elsewhere is given up. */
  streamLeft(): void {
    this.stream = undefined;
    for (const operation of this.operations.values()) operation.streamLeft();
  }

  /** Takes work again. */
  admit(): void {
    this.line.admit();
  }

  /** @param refusal - of later submits, where it is not the same */
  end(reason: NnrpError, refusal: NnrpError = reason): void {
    // A server that shuts down has said so before: that holds for what is in flight, too.
    const why =
      isNnrpError(reason, 'NNRP_ERR_CLOSED') && isPeerError(this.line.stopReason) ? this.line.stopReason : reason;
    this.stopTaking(lostBeforeSent(refusal === reason ? why : refusal));
    this.endAll(why, reason);
  }

  /** The session is lost, and another one takes its place. */
  lose(reason: NnrpError): void {
    this.line.waitForReopening();
    this.endAll(reason, reason);
    this.settledByError.clear();
    // No close has cut them.
    this.loss = { reason, frameIds: new Set(this.cutFrameIds.splice(0)) };
  }

  /** Whether no end of the session was asked for. */
  get takesWork(): boolean {
    return this.line.stopReason === undefined;
  }

  private endAll(why: NnrpError, reason: NnrpError): void {
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
    this.unread.buffered(result, heldBytes, operation);
  }

  consumed(bytes: number, operation?: ClientOperation): void {
    this.unread.consumed(bytes, operation);
  }

  cancelled({ frameId, words }: ClientOperation, error: NnrpError, options?: CancelOptions): void {
    if (!this.operations.has(frameId)) return;
    const { connection, sessionId, lane } = this;
    if (words === undefined) connection.sendPlain(MessageType.FrameCancel, sessionId, frameId, lane);
    // One that crosses the answer costs its session at a reference server.
    else if (!words.isEnding || this.isToldWhy) sendCancel(connection, sessionId, frameId, lane, words, error, options);
    this.cancels.add(frameId);
  }

  expired(operation: ClientOperation, lateMs: number): void {
    this.deadlines.expired(operation, lateMs);
  }

  crashed(error: unknown): void {
    this.connection.crashed(error);
  }

  start(body: Uint8Array, metadata: preview3.FrameSubmit, options?: ToldOptions): ClientOperation {
    if (this.highestFrameId >= MAX_FRAME_ID) {
      throw new UsageError(`session ${this.sessionId}: the frame ids are used up`);
    }
    const signal = options?.signal;
    checkNotAborted(signal);
    const frameId = this.highestFrameId + 1;
    // The id counts as used only once the submit could be encoded.
    this.roomLeft = sendSubmit(this.connection, this.sessionId, frameId, this.ids, metadata, body, this.lane, options);
    this.highestFrameId = frameId;
    const { latencyBudgetMs } = metadata;
    const deadlineMs = this.deadlines.limitMs(latencyBudgetMs, options?.deadlineMs);
    const operation = new ClientOperation(frameId, this, deadlineMs, undefined, this.ids?.taken(frameId));
    if (deadlineMs > 0) this.deadlines.watch(operation, latencyBudgetMs);
    this.operations.set(frameId, operation);
    this.connection.flow.inFlight++;
    observer?.start(operation, this.sessionId, body.length, options);
    if (signal !== undefined) followOperation(this.connection, operation, signal);
    return operation;
  }

  private complete(options?: SubmitOptions): preview3.FrameSubmit {
    const deadlineMs = options?.deadlineMs;
    if ((options?.operationId ?? options?.deadlineAt) !== undefined && this.ids === undefined) throw needsPreview4();
    return completeSubmit(options, deadlineMs === undefined ? undefined : this.deadlines.budgetMs(deadlineMs));
  }

  /** The answer to its cancel has not come in time. */
  private release(frameId: number): void {
    const operation = this.operations.get(frameId);
    if (operation === undefined) return;
    this.finished(operation);
    this.released();
  }

  /** @param where - it has come to its end: by a packet of the server, or by this side alone */
  private finished(operation: ClientOperation, where: 'server' | 'here' = 'server'): void {
    if (where === 'server') this.ends.add(operation);
    this.operations.delete(operation.frameId);
    this.cancels.answered(operation.frameId);
    this.forget(operation);
    this.connection.flow.finished(this.line);
  }

  /** Fails an operation that the end of its session leaves without an answer; the connection's own end is said as it is. */
  private cut(operation: ClientOperation, reason: NnrpError): void {
    if (operation.isOver) return;
    this.cutFrameIds.push(operation.frameId);
    const isClosed = isNnrpError(reason, 'NNRP_ERR_CLOSED');
    const { frameId } = operation;
    operation.fail(isClosed ? cutError(frameId, reason) : (lostFrame(frameId, reason) ?? forCaller(reason)));
  }

  /** Neither its signal nor its deadline has anything to do any more. */
  private forget(operation: ClientOperation): void {
    operation.unfollow?.();
    if (operation.words !== undefined) this.ids?.release(operation.words);
    this.connection.deadlines.remove(operation);
  }

  whenSent(operation: ClientOperation): Promise<ClientOperation> {
    if (this.roomLeft) return Promise.resolve(operation);
    const lost = (error: NnrpError) =>
      Promise.reject(lostFrame(operation.frameId, this.line.stopReason ?? error) ?? error);
    const sent = () => (this.loss?.frameIds.has(operation.frameId) === true ? lost(this.loss.reason) : operation);
    return ignoreRejection(sentOrEnded(operation, this.connection.whenDrained(this.lane).then(sent, lost)));
  }
}
