import {
  CancelledError,
  ClosedError,
  type DeadlineError,
  describeOperationFault,
  forCaller,
  type NnrpError,
  OperationRegistry,
  type Packet,
  UsageError,
} from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType, OperationState } from 'nnrp-core/preview3';
import { guard } from '../../base/guard.js';
import { checkOptions } from '../../base/options.js';
import { ignoreRejection, SETTLED } from '../../base/promises/settled.js';
import { ignoreRejectionsWithin } from '../../base/thenable.js';
import type { DeadlineQueue } from '../../base/time/deadline-queue.js';
import { type BodyInput, bodyBytes } from '../../connection/body/body-bytes.js';
import { isPartial } from '../../connection/body/result-kind.js';
import { needsPreview4 } from '../../connection/controls/loaded-preview4.js';
import type { Lane } from '../../connection/sending/outbox.js';
import type { NnrpServerSession, ResolvedObject } from '../contract/contract.js';
import { DROP_OPTIONS, type DropOptions } from '../contract/preview4/drop-options.js';
import type { ProgressInit } from '../contract/preview4/operation-facts.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { type DropReason, dropReason } from '../contract/server-counters.js';
import { type ResultInit, resultMetadata } from '../contract/server-messages.js';
import type { SessionTally } from '../counting/session-tally.js';
import {
  CANCELLED_BY_SERVER,
  deadlineFailure,
  type FrameFailure,
  handlerFailure,
  sessionClosed,
} from '../failures/frame-failure.js';
import { DroppedUnseen } from './dropped-unseen.js';
import { Operation } from './operation.js';
import type { OperationOwner } from './operation-owner.js';
import { ResultSender, type ResultSenderOwner, type SendingSession } from './result-sender.js';
import { defaultResults } from './result-values.js';
import type { ServerSessionConnection } from './server-session-connection.js';

/** What the operations of a session need of it. */
export interface OperationsOwner extends SendingSession {
  readonly handle: NnrpServerSession;
  readonly connection: SendingSession['connection'] &
    Pick<ServerSessionConnection, 'sendPlain' | 'crashed' | 'knowsPeerMessages'>;
  readonly config: Pick<NnrpServerConfig, 'exposeHandlerErrors' | 'deadlines'>;
  readonly deadlines: DeadlineQueue;
  readonly tally: SessionTally;
  /** Tells a client that understands it why a frame will be dropped. */
  explainDrop(frameId: number, failure: FrameFailure): void;
  /** An operation that has waited has begun. */
  begun(operation: Operation): void;
  /** An operation has had its terminal answer, or needs none any more. */
  operationEnded(operation: Operation): void;
  /** @throws UsageError when this revision has no such message */
  sendProgress(operation: Operation, progress: ProgressInit): boolean;
  /** No operation is in flight any more. */
  allAnswered(): void;
}

/**
 * The operations of one session: which frames are in flight, how they end, and that every frame gets exactly one terminal
 * answer. Drops are sent here, results by {@link ResultSender}.
 */
export class SessionOperations implements OperationOwner<Operation>, ResultSenderOwner {
  registry: OperationRegistry<Operation>;
  readonly results: ResultSender;
  protected readonly sessionId: number;
  /** Made when the first is. */
  private droppedUnseen: DroppedUnseen | undefined;
  private ended: NnrpError | undefined;

  constructor(
    protected readonly owner: OperationsOwner,
    sessionId: number,
    profileId: number,
  ) {
    this.sessionId = sessionId;
    this.registry = new OperationRegistry(sessionId);
    this.results = this.makeResults(defaultResults(profileId), owner);
  }

  get lane(): Lane {
    return this.owner.lane;
  }

  crashed(error: unknown): void {
    this.owner.connection.crashed(error);
  }

  /** Whether any operation is being worked on; those that wait because their client has paused them do not count. */
  isBusy(): boolean {
    for (const { heldResults } of this.registry) if (heldResults === 0) return true;
    return false;
  }

  /** Takes a submit in. @returns undefined when its id was used before */
  admit(packet: Packet, deadlineMs: number, objects?: readonly ResolvedObject[]): Operation | undefined {
    const operation = this.newOperation(packet, deadlineMs, objects);
    if (this.registry.register(operation) !== undefined) return undefined;
    if (deadlineMs > 0 && this.owner.config.deadlines === true) this.owner.deadlines.add(operation, deadlineMs);
    this.owner.tally.taken(operation);
    return operation;
  }

  /** Uses up the id of a submit that is refused. @returns false when it was used before */
  useUpId(packet: Packet): boolean {
    const operation = this.newOperation(packet, 0);
    if (this.registry.register(operation) !== undefined) return false;
    this.registry.advance(operation, OperationState.Cancelled);
    operation.end(undefined);
    return true;
  }

  /** The work is in the application's hands. */
  started(operation: Operation): void {
    if (operation.queuedBytes > 0) this.owner.begun(operation);
    if (!operation.isOver) this.registry.advance(operation, OperationState.Running);
  }

  /** The highest operation id that was used, 0n = none: what SESSION_CLOSE says. */
  get lastOperationId(): bigint {
    return BigInt(this.registry.highestId);
  }

  /** @throws UsageError when the state does not lead there, or the operation is over */
  enter(operation: Operation, state: preview3.OperationState): void {
    const fault = operation.isOver ? undefined : this.registry.advance(operation, state);
    if (operation.isOver) throw operation.answeredError();
    if (fault !== undefined) throw new UsageError(`frame ${operation.frameId}: ${describeOperationFault(fault)}`);
  }

  /** @throws UsageError when the relationship cannot be */
  relate(operation: Operation, parentFrameId: number | undefined, groupId: number | undefined): void {
    const fault = this.registry.relate(operation, parentFrameId, groupId);
    if (fault !== undefined) throw new UsageError(`frame ${operation.frameId}: ${describeOperationFault(fault)}`);
  }

  /** Dropped for another reason than that the application says so. */
  fail(operation: Operation, failure: FrameFailure, reason?: NnrpError): void {
    this.owner.explainDrop(operation.frameId, failure);
    // Sending may have found the peer gone, and ended everything.
    if (!operation.isOver) this.sendDrop(operation, OperationState.Failed, reason, dropReason(failure), failure);
  }

  /** The application's own drop: the only one without an explanation. */
  drop(operation: Operation, options?: DropOptions): Promise<void> {
    if (operation.isOver) return ignoreRejection(Promise.reject(operation.answeredError()));
    try {
      if (options !== undefined) this.checkDrop(checkOptions('drop', options, DROP_OPTIONS));
    } catch (error) {
      return this.results.rejectAnswer(operation, options, error);
    }
    if (this.sendDrop(operation, OperationState.Failed, undefined, 'dropped', undefined, options)) return SETTLED;
    return this.results.whenRoom(operation);
  }

  /** @throws UsageError */
  progress(operation: Operation, progress: ProgressInit): boolean {
    if (operation.isOver) throw operation.answeredError();
    return this.owner.sendProgress(operation, progress);
  }

  /** A submit that was never taken, or not by the application, gets no result. */
  dropUntaken(packet: Packet, failure: FrameFailure): void {
    this.sendDropOf(packet, dropReason(failure), failure);
  }

  /** A result by frame id: partial or last as its metadata says. */
  sendResult(frameId: number, result: ResultInit, body: BodyInput): Promise<void> {
    try {
      const operation = this.inFlight(frameId);
      const metadata = resultMetadata(result);
      const bytes = bodyBytes(body);
      const partial = isPartial(metadata.resultClass, metadata.resultFlags);
      return partial
        ? this.results.sendPartial(operation, metadata, bytes)
        : this.results.sendLast(operation, metadata, bytes);
    } catch (error) {
      ignoreRejectionsWithin([result, body]);
      return ignoreRejection(Promise.reject(error));
    }
  }

  sendResultDrop(frameId: number): Promise<void> {
    // The client's cancel was answered at once; an application that answers it too has done right.
    if (this.droppedUnseen?.delete(frameId)) return SETTLED;
    try {
      return this.drop(this.inFlight(frameId));
    } catch (error) {
      return ignoreRejection(Promise.reject(error));
    }
  }

  /** The client cancels a frame. @param options - of its drop @returns whether it was in flight */
  cancelled(frameId: number, options?: DropOptions): boolean {
    const operation = this.registry.get(frameId);
    if (operation === undefined) return false;
    const reason = new CancelledError(`the client cancelled frame ${frameId}`);
    this.sendDrop(operation, OperationState.Cancelled, reason, 'cancelled', undefined, options);
    this.unseen().add(frameId);
    return true;
  }

  /**
   * Cancels on this side: the target and what hangs on it, as the scope says. Each frame is answered with a drop.
   * @returns the frame ids that were in flight, ascending
   * @throws UsageError when there is no such operation, or it has no group
   */
  cancel(scope: preview3.CancelScope, frameId: number): number[] {
    const outcome = this.registry.cancel(scope, frameId);
    if ('fault' in outcome) throw new UsageError(`cancel: ${describeOperationFault(outcome.fault)}`);
    const text = `frame ${frameId} of session ${this.sessionId} was cancelled by the server`;
    this.dropTogether(outcome.cancelled, new CancelledError(text), CANCELLED_BY_SERVER);
    return outcome.cancelled.map((operation) => operation.frameId);
  }

  /** An operator ends it. @returns whether it was in flight */
  failFrame(frameId: number, failure: FrameFailure): boolean {
    const operation = this.registry.get(frameId);
    if (operation === undefined) return false;
    const text = `frame ${frameId} of session ${this.sessionId} was ended by the server: ${failure.text}`;
    this.fail(operation, failure, new CancelledError(text));
    this.unseen().add(frameId);
    return true;
  }

  private unseen(): DroppedUnseen {
    this.droppedUnseen ??= new DroppedUnseen();
    return this.droppedUnseen;
  }

  expire(operation: Operation, reason: DeadlineError): void {
    this.fail(operation, deadlineFailure(operation.deadlineMs), reason);
    this.unseen().add(operation.frameId);
  }

  /** A result was left out because its body had changed: the frame fails, as if its handler had. */
  unsent(head: Packet, error: UsageError): void {
    const { frameId } = head;
    this.results.leftOut(frameId, error);
    const operation = this.registry.get(frameId);
    if (operation !== undefined) {
      this.spoiled(operation, error);
      return;
    }
    // The last answer of the frame is left out after it, and tells.
    if (this.results.isPartial(head)) return;
    // The client waits for an answer.
    this.owner.explainDrop(frameId, handlerFailure(error, this.owner.config.exposeHandlerErrors));
    this.sendDropOf(head, 'handler_failed', undefined);
    this.owner.connection.handlerFailed({ sessionId: this.sessionId, frameId, error });
  }

  /**
   * Answers every frame in flight with a drop.
   * @param failure - what the client is told; default what the reason says
   * @returns the frame ids
   */
  dropAll(reason: NnrpError, failure: FrameFailure = sessionClosed(reason.rawMessage)): number[] {
    const dropped = this.registry.endAll(OperationState.Cancelled);
    this.dropTogether(dropped, reason, failure);
    return dropped.map(({ frameId }) => frameId);
  }

  /** The session is over: nothing can be answered any more. @returns the frame ids that have no answer */
  end(reason: NnrpError, outcome: DropReason = 'session_lost'): number[] {
    this.ended = reason;
    this.droppedUnseen = undefined;
    const ended = this.registry.endAll(OperationState.Cancelled);
    for (const operation of ended) {
      const own = forCaller(reason);
      guard(this, () => this.answered(operation, own, outcome));
      // Its handler hears of the end whatever has failed.
      if (!operation.isOver) guard(this, () => operation.end(own));
    }
    return ended.map(({ frameId }) => frameId);
  }

  /** Over preview4: the client begins anew. */
  abandon(_reason: NnrpError): void {}

  /** A result of an operation cannot be sent: without it the rest would be wrong. */
  spoiled(operation: Operation, error: UsageError): void {
    const { frameId } = operation;
    this.fail(operation, handlerFailure(error, this.owner.config.exposeHandlerErrors), error);
    this.owner.connection.handlerFailed({ sessionId: this.sessionId, frameId, error });
  }

  /** A listener of the operation's signal has failed. One that passes the reason on has not. */
  listenerFailed(operation: Operation, error: unknown): void {
    if (error === operation.abortReason) return;
    const { frameId } = operation;
    this.owner.connection.handlerFailed({ sessionId: this.sessionId, frameId, error });
  }

  private sendDrop(
    operation: Operation,
    state: preview3.OperationState,
    reason: NnrpError | undefined,
    outcome: DropReason,
    failure?: FrameFailure,
    options?: DropOptions,
  ): boolean {
    const room = this.sendDropOf(operation, outcome, failure, options);
    this.registry.advance(operation, state);
    this.answered(operation, reason, outcome);
    return room;
  }

  /** What listens to a signal may end the session: every frame has its answer by then. */
  private dropTogether(operations: readonly Operation[], shared: NnrpError, failure: FrameFailure): void {
    const reasons = operations.map((operation) => {
      const reason = operations.length === 1 ? shared : forCaller(shared);
      // The drop is the last that the client hears of the frame, whatever its end sets off.
      this.owner.explainDrop(operation.frameId, failure);
      this.sendDropOf(operation, dropReason(failure), failure);
      // The registry knows none of them any more, so that one that fails must keep no other from its end.
      guard(this, () => operation.settle(reason));
      return reason;
    });
    const outcome = dropReason(failure);
    operations.forEach((operation, at) => {
      guard(this, () => this.answered(operation, reasons[at], outcome));
    });
  }

  /** @throws UsageError when the options say what this revision cannot */
  protected checkDrop(options: DropOptions | undefined): void {
    if (options !== undefined && Object.values(options).some((value) => value !== undefined)) throw needsPreview4();
  }

  protected newOperation(packet: Packet, deadlineMs: number, objects?: readonly ResolvedObject[]): Operation {
    return new Operation(this.owner.handle, this, packet, deadlineMs, objects);
  }

  /** Called while this object is made. */
  protected makeResults(defaults: ReturnType<typeof defaultResults>, owner: OperationsOwner): ResultSender {
    return new ResultSender(this.sessionId, defaults, owner, this);
  }

  /** Says that a frame gets no result. @returns whether there is room for more */
  protected sendDropOf(
    { frameId, traceLow, traceHigh }: Operation | Packet,
    _outcome: DropReason,
    _failure: FrameFailure | undefined,
    _options?: DropOptions,
  ): boolean {
    const { connection, lane } = this.owner;
    return connection.sendPlain(MessageType.ResultDrop, this.sessionId, frameId, lane, traceLow, traceHigh);
  }

  /** An application may answer what it has not been handed yet, or what waits for a tool: both count as running. */
  moveTo(operation: Operation, state: preview3.OperationState): void {
    // Sending may have found the peer gone, and ended everything.
    if (operation.isOver) return;
    if (this.registry.advance(operation, state) === undefined) return;
    this.registry.advance(operation, OperationState.Running);
    this.registry.advance(operation, state);
  }

  /** The operation has had its terminal answer. */
  answered(operation: Operation, reason: NnrpError | undefined, outcome: 'completed' | DropReason): void {
    // Sending may have found the peer gone, and ended everything.
    if (!operation.isCounted) this.owner.tally.ended(operation, outcome, reason);
    operation.isCounted = true;
    this.owner.deadlines.remove(operation);
    operation.end(reason);
    // What it had still to say is not said any more.
    operation.sendWaiting?.();
    this.owner.operationEnded(operation);
    if (this.registry.size === 0) this.owner.allAnswered();
  }

  private inFlight(frameId: number): Operation {
    const operation = this.registry.get(frameId);
    if (operation !== undefined) return operation;
    if (this.ended !== undefined)
      throw new ClosedError(`session ${this.sessionId} is closed`, { cause: forCaller(this.ended) });
    throw new UsageError(
      `session ${this.sessionId}: frame ${frameId} waits for no answer (answered, cancelled, expired or unknown)`,
    );
  }
}
