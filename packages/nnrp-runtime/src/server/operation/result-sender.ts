import type { NnrpError, Packet, UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType, OperationState } from 'nnrp-core/preview3';
import { background, nextTurn } from '../../base/guard.js';
import { ignoreRejection, isMistake, SETTLED } from '../../base/promises/settled.js';
import { ignoreRejectionsWithin } from '../../base/thenable.js';
import { bodyBytes } from '../../connection/body/body-bytes.js';
import { isPartialResult } from '../../connection/body/result-kind.js';
import { RESULT_PUSH } from '../../connection/sending/codecs.js';
import type { Lane } from '../../connection/sending/outbox.js';
import { COPY_LIMIT } from '../../transport/stream/lent-packet.js';
import type { ResultInit, ResultValue } from '../contract/server-messages.js';
import type { SessionTally } from '../counting/session-tally.js';
import { DelayedResults, type DelaysOwner } from './delayed-results.js';
import { LentPlaces, type PlacesOwner } from './lent-places.js';
import type { Operation } from './operation.js';
import type { ResultGate } from './result-gate.js';
import { bodyOf, type defaultResults, lastResult, metadataOf, partialResult } from './result-values.js';
import type { ServerSessionConnection } from './server-session-connection.js';
import { turnDue } from './turn-budget.js';
import { UnsureResults } from './unsure-results.js';

/** What sending results needs of the session. */
export interface SendingSession extends PlacesOwner {
  readonly connection: Pick<ServerSessionConnection, 'send' | 'whenDrained' | 'handlerFailed' | 'room'>;
  readonly lane: Lane;
  /** Tells when results have to wait because the client asked for it. */
  readonly gate: ResultGate;
  readonly tally: SessionTally;
}

/** What is told of results that were sent, and of those that cannot be. */
export interface ResultSenderOwner extends DelaysOwner {
  /** A result has been sent. */
  moveTo(operation: Operation, state: preview3.OperationState): void;
  /** The last result has been sent. */
  answered(operation: Operation, reason: NnrpError | undefined, outcome: 'completed'): void;
}

/** Sends the results of a session's operations: at once, when the client lets them flow again, or when there is room. */
export class ResultSender {
  private readonly partialMetadata: preview3.ResultPush;
  private readonly lastMetadata: preview3.ResultPush;
  private readonly places: LentPlaces;
  private ownDelayed: DelayedResults | undefined;
  /** Made when a sender first waits after a body that is still its own. */
  private unsure: UnsureResults | undefined;

  constructor(
    protected readonly sessionId: number,
    defaults: ReturnType<typeof defaultResults>,
    protected readonly session: SendingSession,
    private readonly owner: ResultSenderOwner,
  ) {
    this.partialMetadata = defaults.partial;
    this.lastMetadata = defaults.last;
    this.places = new LentPlaces(session);
  }

  /** Made when a result first has to wait. */
  private get delayed(): DelayedResults {
    const { sessionId, session, places, owner } = this;
    this.ownDelayed ??= new DelayedResults(sessionId, session.gate, session.connection, places, owner);
    return this.ownDelayed;
  }

  push(operation: Operation, partial: ResultValue): Promise<void> {
    if (operation.isOver) return this.rejectAnswer(operation, partial, operation.answeredError());
    // Refused before its body is made: a handler that awaits nothing would fill the memory with bodies that go nowhere.
    if (operation.rejectedPush !== undefined && this.isStillTooMuch(operation)) {
      ignoreRejectionsWithin(partial);
      return operation.rejectedPush;
    }
    try {
      // Most parts are bytes, or text, which say nothing else.
      if (typeof partial === 'string' || ArrayBuffer.isView(partial))
        return this.sendPartial(operation, this.partialMetadata, bodyBytes(partial));
      const init = metadataOf(partial);
      const metadata = init === undefined ? this.partialMetadata : partialResult(init, this.partialMetadata);
      return this.sendPartial(operation, metadata, bodyOf(partial));
    } catch (error) {
      return this.rejectAnswer(operation, partial, error);
    }
  }

  complete(operation: Operation, result: ResultValue): Promise<void> {
    if (operation.isOver) return this.rejectAnswer(operation, result, operation.answeredError());
    try {
      const init = metadataOf(result);
      const metadata = init === undefined ? this.lastMetadata : this.lastOf(init, this.lastMetadata);
      return this.sendLast(operation, metadata, bodyOf(result));
    } catch (error) {
      return this.rejectAnswer(operation, result, error);
    }
  }

  /** The metadata of a last result. @throws UsageError when that is of a partial one */
  protected lastOf(init: ResultInit, defaults: preview3.ResultPush): preview3.ResultPush {
    return lastResult(init, defaults);
  }

  /** Whether what is about to be sent leaves its operation open. */
  isPartial(packet: Packet): boolean {
    return isPartialResult(packet, false);
  }

  /** Resolves when there is room for more; the handler lends its place until then. */
  whenRoom(operation: Operation): Promise<void> {
    return this.places.during(operation, this.drained());
  }

  /** The body of a result of the frame had changed: the result was left out. */
  leftOut(frameId: number, error: UsageError): void {
    this.unsure?.spoiled(frameId, error);
  }

  /** A partial result with complete metadata. */
  sendPartial(operation: Operation, metadata: preview3.ResultPush, body: Uint8Array, isTurn = false): Promise<void> {
    if (this.isOverAfterWaiting(operation)) return ignoreRejection(Promise.reject(operation.answeredError()));
    if (this.session.gate.mustWait(operation)) {
      const own = { ...metadata };
      return this.delayed.later(operation, body, (held) => this.sendPartial(operation, own, held));
    }
    if (!isTurn && this.hasToWait(operation, body)) {
      const own = { ...metadata };
      return this.delayed.inTurn(operation, body, (held) => this.sendPartial(operation, own, held, true));
    }
    const room = this.sendPush(operation, metadata, body, true);
    // The first of a stream leads there.
    if (operation.state !== OperationState.Partial) this.owner.moveTo(operation, OperationState.Partial);
    return room ? (turnDue() ?? SETTLED) : this.roomAfter(operation, body);
  }

  /** The last result, with complete metadata. */
  sendLast(operation: Operation, metadata: preview3.ResultPush, body: Uint8Array, isTurn = false): Promise<void> {
    if (this.isOverAfterWaiting(operation)) return ignoreRejection(Promise.reject(operation.answeredError()));
    // Partial results that were held back go first.
    if (this.session.gate.isWaiting(operation)) {
      const own = { ...metadata };
      return this.delayed.later(operation, body, (held) => this.sendLast(operation, own, held));
    }
    if (!isTurn && this.hasToWait(operation, body)) {
      const own = { ...metadata };
      return this.delayed.inTurn(operation, body, (held) => this.sendLast(operation, own, held, true));
    }
    const room = this.sendPush(operation, metadata, body, false);
    this.owner.moveTo(operation, OperationState.Completed);
    this.owner.answered(operation, undefined, 'completed');
    return room ? SETTLED : this.roomAfter(operation, body);
  }

  /** RESULT_PUSH. @returns whether there is room for more */
  protected sendPush(operation: Operation, metadata: preview3.ResultPush, body: Uint8Array, partial: boolean): boolean {
    const { connection, lane, tally } = this.session;
    const { sessionId } = this;
    const { frameId, traceLow, traceHigh } = operation;
    const { ResultPush } = MessageType;
    const { length } = body;
    const room = connection.send(
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
    tally.sent(operation, length, partial);
    return room;
  }

  /**
   * Whether so much waits to be sent that this result comes later. A handler that has not waited for room after
   * the result before does not wait for this one either.
   */
  private hasToWait(operation: Operation, body: Uint8Array): boolean {
    return this.session.connection.room.shouldWait(body.length) && !operation.lacksRoom;
  }

  /** Whether a partial result of the operation would be refused again, however small. */
  private isStillTooMuch(operation: Operation): boolean {
    const { gate } = this.session;
    return gate.mustWait(operation) && gate.isTooMuch(operation, 0);
  }

  /** What still waits goes before what comes now; sending it may find the peer gone, and end everything. */
  private isOverAfterWaiting(operation: Operation): boolean {
    if (operation.sendWaiting === undefined) return false;
    operation.sendWaiting();
    return operation.isOver;
  }

  /**
   * An answer that is not taken. A handler that does not await the call is told of its mistake by an event; one that does
   * throws it before the next turn, and that is told as its failure.
   *
   * @param value - what the application gave: promises within it are observed
   */
  rejectAnswer(operation: Operation, value: unknown, error: unknown): Promise<never> {
    ignoreRejectionsWithin(value);
    if (operation.context !== undefined && !operation.isOver && isMistake(error)) {
      nextTurn(this.owner, () => {
        if (operation.hasTold || !operation.tells(error)) return;
        const { frameId } = operation;
        this.session.connection.handlerFailed({ sessionId: this.sessionId, frameId, error });
      });
    }
    return ignoreRejection(Promise.reject(error));
  }

  /** Resolves when there is room for more. */
  private roomAfter(operation: Operation, body: Uint8Array): Promise<void> {
    const drained = this.drained();
    const room = body.length <= COPY_LIMIT ? drained : this.unlessSpoiled(operation.frameId, drained);
    if (!operation.lacksRoom && !operation.isOver) {
      operation.lacksRoom = true;
      const cameTrue = () => {
        operation.lacksRoom = false;
      };
      background(this.owner, room.then(cameTrue, cameTrue));
    }
    return this.places.during(operation, room);
  }

  private unlessSpoiled(frameId: number, drained: Promise<void>): Promise<void> {
    this.unsure ??= new UnsureResults();
    return this.unsure.after(frameId, drained);
  }

  private drained(): Promise<void> {
    return this.session.connection.whenDrained(this.session.lane);
  }
}
