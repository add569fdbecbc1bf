import {
  CancelledError,
  ClosedError,
  type DeadlineError,
  describeOperationFault,
  forCaller,
  IdSet,
  type NnrpError,
  OperationRegistry,
  type Packet,
  preview3,
  UsageError,
} from 'nnrp-core';
import type { DeadlineQueue } from '../base/deadline-queue.js';
import { background, guard, nextTurn } from '../base/guard.js';
import { type BodyInput, bodyBytes } from '../connection/body-bytes.js';
import { RESULT_PUSH } from '../connection/codecs.js';
import type { Lane } from '../connection/outbox.js';
import { isPartial, isPartialResult } from '../connection/result-kind.js';
import type { SessionConnection } from '../connection/session-endpoint.js';
import { isMistake, SETTLED, unheard } from '../settled.js';
import { unheardWithin } from '../thenable.js';
import { bodyChanged, COPY_LIMIT, lent } from '../transport/lent-packet.js';
import {
  CANCELLED_BY_SERVER,
  deadlineFailure,
  type FrameFailure,
  handlerFailure,
  sessionClosed,
} from './frame-failure.js';
import { OperationContext, type ResolvedObject } from './operation-context.js';
import type { ResultGate } from './result-gate.js';
import { bodyOf, defaultResults, lastResult, metadataOf, partialResult } from './result-values.js';
import type { RoomWaiter } from './room-line.js';
import type { NnrpServerConfig } from './server-config.js';
import { type ResultInit, type ResultValue, resultMetadata } from './server-messages.js';
import type { NnrpServerSession } from './server-session.js';
import type { ServerSessionConnection } from './session-ports.js';
import { turnDue } from './turn-budget.js';
import { UnsureResults } from './unsure-results.js';

const { MessageType, OperationState } = preview3;
/** Frames dropped on the client's word that the application may still drop itself; more are forgotten, oldest first. */
const MAX_DROPPED_UNSEEN = 1024;

/** What the operations of a session need of it. */
export interface OperationsOwner {
  readonly session: NnrpServerSession;
  readonly connection: SessionConnection & Pick<ServerSessionConnection, 'handlerFailed' | 'room'>;
  readonly config: Pick<NnrpServerConfig, 'exposeHandlerErrors'>;
  readonly lane: Lane;
  /** Tells when results have to wait because the client asked for it. */
  readonly gate: ResultGate;
  readonly deadlines: DeadlineQueue;
  /** The operation waits because its client wants nothing now, or because there is no room; then again it could go on. */
  suspended(operation: OperationContext): void;
  /** @returns what to wait for before it goes on; undefined when it may go on at once */
  resumed(operation: OperationContext): Promise<void> | undefined;
  /** Tells a client that understands it why a frame will be dropped. */
  explainDrop(frameId: number, failure: FrameFailure): void;
  /** An operation that has waited has begun. */
  begun(operation: OperationContext): void;
  /** An operation has had its terminal answer, or needs none any more. */
  operationOver(operation: OperationContext): void;
  /** No operation is in flight any more. */
  idle(): void;
}

/**
 * The operations of one session: which frames are in flight, and the one place that answers them, so that every frame
 * gets exactly one terminal answer.
 */
export class SessionOperations {
  readonly registry: OperationRegistry<OperationContext>;
  private readonly sessionId: number;
  private readonly partialMetadata: preview3.ResultPush;
  private readonly lastMetadata: preview3.ResultPush;
  private droppedUnseen: IdSet | undefined;
  private readonly unsure = new UnsureResults();
  private ended: NnrpError | undefined;

  constructor(
    private readonly owner: OperationsOwner,
    sessionId: number,
    profileId: number,
  ) {
    this.sessionId = sessionId;
    this.registry = new OperationRegistry(sessionId);
    const { partial, last } = defaultResults(profileId);
    this.partialMetadata = partial;
    this.lastMetadata = last;
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
  admit(packet: Packet, deadlineMs: number, objects?: readonly ResolvedObject[]): OperationContext | undefined {
    const operation = new OperationContext(this.owner.session, this, packet, deadlineMs, objects);
    if (this.registry.register(operation) !== undefined) return undefined;
    if (deadlineMs > 0) this.owner.deadlines.add(operation, deadlineMs);
    return operation;
  }

  /** Uses up the id of a submit that is refused. @returns false when it was used before */
  consume(packet: Packet): boolean {
    const operation = new OperationContext(this.owner.session, this, packet, 0);
    if (this.registry.register(operation) !== undefined) return false;
    this.registry.advance(operation, OperationState.Cancelled);
    operation.end(undefined);
    return true;
  }

  /** The work is in the application's hands. */
  started(operation: OperationContext): void {
    if (operation.queuedBytes > 0) this.owner.begun(operation);
    if (!operation.isOver) this.registry.advance(operation, OperationState.Running);
  }

  /** @throws UsageError when the state does not lead there, or the operation is over */
  enter(operation: OperationContext, state: preview3.OperationState): void {
    const fault = operation.isOver ? undefined : this.registry.advance(operation, state);
    if (operation.isOver) throw operation.refusal();
    if (fault !== undefined) throw new UsageError(`frame ${operation.frameId}: ${describeOperationFault(fault)}`);
  }

  /** @throws UsageError when the relationship cannot be */
  relate(operation: OperationContext, parentFrameId: number | undefined, groupId: number | undefined): void {
    const fault = this.registry.relate(operation, parentFrameId, groupId);
    if (fault !== undefined) throw new UsageError(`frame ${operation.frameId}: ${describeOperationFault(fault)}`);
  }

  push(operation: OperationContext, partial: ResultValue): Promise<void> {
    if (operation.isOver) return this.refused(operation, partial, operation.refusal());
    // Refused before its body is made: a handler that awaits nothing would fill the memory with bodies that go nowhere.
    if (operation.refusedPush !== undefined && this.isStillTooMuch(operation)) {
      unheardWithin(partial);
      return operation.refusedPush;
    }
    try {
      const init = metadataOf(partial);
      const metadata = init === undefined ? this.partialMetadata : partialResult(init, this.partialMetadata);
      return this.sendPartial(operation, metadata, bodyOf(partial));
    } catch (error) {
      return this.refused(operation, partial, error);
    }
  }

  complete(operation: OperationContext, result: ResultValue): Promise<void> {
    if (operation.isOver) return this.refused(operation, result, operation.refusal());
    try {
      const init = metadataOf(result);
      const metadata = init === undefined ? this.lastMetadata : lastResult(init, this.lastMetadata);
      return this.sendLast(operation, metadata, bodyOf(result));
    } catch (error) {
      return this.refused(operation, result, error);
    }
  }

  /** Dropped for another reason than that the application says so. */
  fail(operation: OperationContext, failure: FrameFailure, reason?: NnrpError): void {
    this.owner.explainDrop(operation.frameId, failure);
    // Sending may have found the peer gone, and ended everything.
    if (!operation.isOver) this.sendDrop(operation, OperationState.Failed, reason);
  }

  /** The application's own drop: the only one without an explanation. */
  drop(operation: OperationContext): Promise<void> {
    if (operation.isOver) return unheard(Promise.reject(operation.refusal()));
    if (this.sendDrop(operation, OperationState.Failed, undefined)) return SETTLED;
    return this.withoutPlace(operation, this.drained());
  }

  /** A result by frame id: partial or last as its metadata says. */
  sendResult(frameId: number, result: ResultInit, body: BodyInput): Promise<void> {
    try {
      const operation = this.inFlight(frameId);
      const metadata = resultMetadata(result);
      const bytes = bodyBytes(body);
      const partial = isPartial(metadata.resultClass, metadata.resultFlags);
      return partial ? this.sendPartial(operation, metadata, bytes) : this.sendLast(operation, metadata, bytes);
    } catch (error) {
      unheardWithin([result, body]);
      return unheard(Promise.reject(error));
    }
  }

  sendResultDrop(frameId: number): Promise<void> {
    // The client's cancel was answered at once; an application that answers it too has done right.
    if (this.droppedUnseen?.delete(frameId)) return SETTLED;
    try {
      return this.drop(this.inFlight(frameId));
    } catch (error) {
      return unheard(Promise.reject(error));
    }
  }

  /** The client cancels a frame. @returns whether it was in flight */
  cancelled(frameId: number): boolean {
    const operation = this.registry.get(frameId);
    if (operation === undefined) return false;
    this.sendDrop(operation, OperationState.Cancelled, new CancelledError(`the client cancelled frame ${frameId}`));
    this.rememberDropped(frameId);
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

  expire(operation: OperationContext, reason: DeadlineError): void {
    this.fail(operation, deadlineFailure(operation.deadlineMs), reason);
    this.rememberDropped(operation.frameId);
  }

  /** A result was left out because its body had changed: the frame fails, as if its handler had. */
  unsent(head: Packet, error: UsageError): void {
    const { frameId } = head;
    this.unsure.spoiled(frameId, error);
    const operation = this.registry.get(frameId);
    if (operation !== undefined) {
      this.spoiled(operation, error);
      return;
    }
    // The last answer of the frame is left out after it, and tells.
    if (isPartialResult(head)) return;
    // The client waits for an answer.
    this.owner.explainDrop(frameId, handlerFailure(error, this.owner.config.exposeHandlerErrors));
    this.plainDrop(head);
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
  end(reason: NnrpError): number[] {
    this.ended = reason;
    this.droppedUnseen = undefined;
    const ended = this.registry.endAll(OperationState.Cancelled);
    for (const operation of ended) {
      const own = forCaller(reason);
      guard(this, () => this.over(operation, own));
      // Its handler hears of the end whatever has failed.
      if (!operation.isOver) guard(this, () => operation.end(own));
    }
    return ended.map(({ frameId }) => frameId);
  }

  private sendPartial(
    operation: OperationContext,
    metadata: preview3.ResultPush,
    body: Uint8Array,
    isTurn = false,
  ): Promise<void> {
    if (this.isOverAfterWaiting(operation)) return unheard(Promise.reject(operation.refusal()));
    if (this.owner.gate.isHeld(operation)) {
      const own = { ...metadata };
      return this.later(operation, body, (held) => this.sendPartial(operation, own, held));
    }
    if (!isTurn && this.hasToWait(operation, body)) {
      const own = { ...metadata };
      return this.inTurn(operation, body, (held) => this.sendPartial(operation, own, held, true));
    }
    const room = this.sendPush(operation, metadata, body, true);
    this.moveTo(operation, OperationState.Partial);
    return room ? (turnDue() ?? SETTLED) : this.roomAfter(operation, body);
  }

  private sendLast(
    operation: OperationContext,
    metadata: preview3.ResultPush,
    body: Uint8Array,
    isTurn = false,
  ): Promise<void> {
    if (this.isOverAfterWaiting(operation)) return unheard(Promise.reject(operation.refusal()));
    // Partial results that were held back go first.
    if (this.owner.gate.isWaiting(operation)) {
      const own = { ...metadata };
      return this.later(operation, body, (held) => this.sendLast(operation, own, held));
    }
    if (!isTurn && this.hasToWait(operation, body)) {
      const own = { ...metadata };
      return this.inTurn(operation, body, (held) => this.sendLast(operation, own, held, true));
    }
    const room = this.sendPush(operation, metadata, body, false);
    this.moveTo(operation, OperationState.Completed);
    this.over(operation, undefined);
    return room ? SETTLED : this.roomAfter(operation, body);
  }

  /** RESULT_PUSH. @returns whether there is room for more */
  private sendPush(
    { frameId, traceLow, traceHigh }: OperationContext,
    metadata: preview3.ResultPush,
    body: Uint8Array,
    partial: boolean,
  ): boolean {
    const { connection, lane } = this.owner;
    const { sessionId } = this;
    const { ResultPush } = MessageType;
    return connection.send(
      ResultPush,
      sessionId,
      frameId,
      RESULT_PUSH,
      metadata,
      body,
      lane,
      traceLow,
      traceHigh,
      partial,
    );
  }

  /** Sends when the client lets results flow again, in the order of the calls. */
  /** Whether a partial result of the operation would be refused again, however small. */
  private isStillTooMuch(operation: OperationContext): boolean {
    const { gate } = this.owner;
    return gate.isHeld(operation) && gate.isTooMuch(operation, 0);
  }

  private later(
    operation: OperationContext,
    body: Uint8Array,
    send: (held: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const { gate } = this.owner;
    if (gate.isTooMuch(operation, body.length)) {
      // A handler that awaits nothing hears the same each time: an error for each would cost more than what is held.
      operation.refusedPush ??= unheard(Promise.reject(gate.refusal()));
      return operation.refusedPush;
    }
    operation.refusedPush = undefined;
    const held = body.length <= COPY_LIMIT ? new Uint8Array(body) : lent(body);
    const bytes = held.length;
    operation.heldResults++;
    const settled = () => {
      operation.heldResults--;
    };
    const sent = gate.afterHold(operation, bytes, () => this.sendHeld(operation, held, bytes, send));
    background(this, sent.then(settled, settled));
    return this.withoutPlace(operation, sent);
  }

  private sendHeld(
    operation: OperationContext,
    held: Uint8Array,
    bytes: number,
    send: (held: Uint8Array) => Promise<void>,
  ): Promise<void> {
    if (operation.isOver) return Promise.reject(operation.refusal());
    if (held.length === bytes) return send(held);
    const result = `a result of frame ${operation.frameId} of session ${this.sessionId}`;
    const error = bodyChanged(result, bytes, held.length);
    this.spoiled(operation, error);
    return Promise.reject(error);
  }

  /**
   * Whether so much waits to be sent that this result comes later. Who has not waited for the room after the one before
   * does not wait for this one either.
   */
  private hasToWait(operation: OperationContext, body: Uint8Array): boolean {
    return this.owner.connection.room.shouldWait(body.length) && !operation.lacksRoom;
  }

  /** What still waits goes before what comes now; sending it may find the peer gone, and end everything. */
  private isOverAfterWaiting(operation: OperationContext): boolean {
    if (operation.sendWaiting === undefined) return false;
    operation.sendWaiting();
    return operation.isOver;
  }

  /** Sends when its turn has come, when the next one of the operation is there, or not at all when that is over. */
  private inTurn(
    operation: OperationContext,
    body: Uint8Array,
    send: (held: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const { room } = this.owner.connection;
    const held = body.length <= COPY_LIMIT ? new Uint8Array(body) : lent(body);
    const bytes = held.length;
    const sent = new Promise<void>((resolve, reject) => {
      const waiter: RoomWaiter = {
        bytes,
        send: () => {
          operation.sendWaiting = undefined;
          try {
            this.sendHeld(operation, held, bytes, send).then(resolve, reject);
          } catch (error) {
            reject(error);
          }
        },
      };
      operation.sendWaiting = () => {
        room.leave(waiter);
        waiter.send();
      };
      room.wait(waiter);
    });
    return this.withoutPlace(operation, unheard(sent));
  }

  /**
   * Whoever waits for its client lends its place for handlers to others meanwhile, and has one again before it goes on.
   *
   * @param wait - for the client, or for room
   */
  private withoutPlace(operation: OperationContext, wait: Promise<void>): Promise<void> {
    if (operation.place === 'none') return wait;
    if (operation.blocked !== undefined && wait === operation.blockedBy) return operation.blocked;
    if (operation.blockedPushes++ === 0) this.owner.suspended(operation);
    operation.blockedBy = wait;
    operation.blocked = unheard(
      wait.then(
        () => this.placeAgain(operation),
        async (error: unknown) => {
          await this.placeAgain(operation);
          throw error;
        },
      ),
    );
    return operation.blocked;
  }

  private placeAgain(operation: OperationContext): Promise<void> | undefined {
    if (--operation.blockedPushes > 0) return undefined;
    operation.blockedBy = undefined;
    operation.blocked = undefined;
    return this.owner.resumed(operation);
  }

  /** A result of an operation cannot be sent: without it the rest would be wrong. */
  private spoiled(operation: OperationContext, error: UsageError): void {
    const { frameId } = operation;
    this.fail(operation, handlerFailure(error, this.owner.config.exposeHandlerErrors), error);
    this.owner.connection.handlerFailed({ sessionId: this.sessionId, frameId, error });
  }

  /** A listener of the operation's signal has failed. One that passes the reason on has not. */
  listenerFailed(operation: OperationContext, error: unknown): void {
    if (error === operation.abortReason) return;
    const { frameId } = operation;
    this.owner.connection.handlerFailed({ sessionId: this.sessionId, frameId, error });
  }

  /**
   * A result that is not taken. A handler that does not await the call is told of its mistake by an event; one that does
   * throws it before the next turn, and that is told as its failure.
   */
  private refused(operation: OperationContext, value: ResultValue, error: unknown): Promise<never> {
    unheardWithin(value);
    if (operation.context !== undefined && !operation.isOver && isMistake(error)) {
      nextTurn(this, () => {
        if (operation.hasTold || !operation.tells(error)) return;
        const { frameId } = operation;
        this.owner.connection.handlerFailed({ sessionId: this.sessionId, frameId, error });
      });
    }
    return unheard(Promise.reject(error));
  }

  /** Resolves when there is room for more. */
  private roomAfter(operation: OperationContext, body: Uint8Array): Promise<void> {
    const drained = this.drained();
    const room = body.length <= COPY_LIMIT ? drained : this.unsure.after(operation.frameId, drained);
    if (!operation.lacksRoom) {
      operation.lacksRoom = true;
      const over = () => {
        operation.lacksRoom = false;
      };
      background(this, room.then(over, over));
    }
    return this.withoutPlace(operation, room);
  }

  private sendDrop(
    operation: OperationContext,
    state: preview3.OperationState,
    reason: NnrpError | undefined,
  ): boolean {
    const room = this.plainDrop(operation);
    this.registry.advance(operation, state);
    this.over(operation, reason);
    return room;
  }

  /** What listens to a signal may end the session: every frame has its answer by then. */
  private dropTogether(operations: readonly OperationContext[], shared: NnrpError, failure: FrameFailure): void {
    const reasons = operations.map((operation) => {
      const reason = operations.length === 1 ? shared : forCaller(shared);
      // The drop is the last that the client hears of the frame, whatever its end sets off.
      this.owner.explainDrop(operation.frameId, failure);
      this.plainDrop(operation);
      // The registry knows none of them any more, so that one that fails must keep no other from its end.
      guard(this, () => operation.settle(reason));
      return reason;
    });
    operations.forEach((operation, at) => {
      guard(this, () => this.over(operation, reasons[at]));
    });
  }

  private plainDrop({ frameId, traceLow, traceHigh }: OperationContext | Packet): boolean {
    const { connection, lane } = this.owner;
    return connection.sendPlain(MessageType.ResultDrop, this.sessionId, frameId, lane, traceLow, traceHigh);
  }

  /** An application may answer what it has not been handed yet, or what waits for a tool: both count as running. */
  private moveTo(operation: OperationContext, state: preview3.OperationState): void {
    // Sending may have found the peer gone, and ended everything.
    if (operation.isOver) return;
    if (this.registry.advance(operation, state) === undefined) return;
    this.registry.advance(operation, OperationState.Running);
    this.registry.advance(operation, state);
  }

  private over(operation: OperationContext, reason: NnrpError | undefined): void {
    this.owner.deadlines.remove(operation);
    operation.end(reason);
    // What it had still to say is not said any more.
    operation.sendWaiting?.();
    this.owner.operationOver(operation);
    if (this.registry.size === 0) this.owner.idle();
  }

  private inFlight(frameId: number): OperationContext {
    const operation = this.registry.get(frameId);
    if (operation !== undefined) return operation;
    if (this.ended !== undefined)
      throw new ClosedError(`session ${this.sessionId} is closed`, { cause: forCaller(this.ended) });
    throw new UsageError(
      `session ${this.sessionId}: frame ${frameId} waits for no answer (answered, cancelled, expired or unknown)`,
    );
  }

  private rememberDropped(frameId: number): void {
    this.droppedUnseen ??= new IdSet();
    this.droppedUnseen.add(frameId);
    if (this.droppedUnseen.size <= MAX_DROPPED_UNSEEN) return;
    const { oldest } = this.droppedUnseen;
    if (oldest !== undefined) this.droppedUnseen.delete(oldest);
  }

  private drained(): Promise<void> {
    return this.owner.connection.whenDrained(this.owner.lane);
  }
}
