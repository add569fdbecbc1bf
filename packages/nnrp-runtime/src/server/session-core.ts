import {
  type FlowFields,
  FlowSender,
  type NnrpError,
  type Packet,
  type ProtocolError,
  SessionLifecycle,
} from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { CloseReason, ErrorScope, MessageType, ScopeKind, SessionPriorityClass } from 'nnrp-core/preview3';
import { described } from '../base/described.js';
import { guard } from '../base/guard.js';
import { FLOW_UPDATE } from '../connection/codecs.js';
import type { Lane } from '../connection/outbox.js';
import type { FrameFailure } from './frame-failure.js';
import type { OperationContext } from './operation-context.js';
import { QueuedSubmits } from './queued-submits.js';
import { ResultGate } from './result-gate.js';
import type { NnrpServerConfig } from './server-config.js';
import type { NnrpMigration, NnrpPatch } from './server-messages.js';
import { NnrpServerSession } from './server-session.js';
import { SessionCache } from './session-cache.js';
import { SessionClosing } from './session-closing.js';
import { SessionInbox } from './session-inbox.js';
import { SessionIntake } from './session-intake.js';
import { SessionOperations } from './session-operations.js';
import type { ServerSessionConnection, SessionReceiver } from './session-ports.js';
import { UnansweredRequests } from './unanswered-requests.js';
import { UnreadSubmits } from './unread-submits.js';

/**
 * One session of a server with all its parts: what comes in goes through `intake`, what goes out through `operations` and
 * `closing`. The application holds `session`.
 */
export class SessionCore {
  readonly session: NnrpServerSession;
  readonly sessionId: number;
  readonly lane: Lane;
  readonly lifecycle: SessionLifecycle;
  readonly gate: ResultGate;
  readonly operations: SessionOperations;
  readonly closing: SessionClosing;
  readonly inbox: SessionInbox;
  /** Requests without an answer, in order. */
  readonly pendingPatches: UnansweredRequests<NnrpPatch>;
  readonly pendingMigrations: UnansweredRequests<NnrpMigration>;
  /** Who takes the messages; a serve loop puts itself here. */
  receiver: SessionReceiver;
  /** Its submits that wait. */
  readonly queued: QueuedSubmits;
  private readonly unread: UnreadSubmits;
  private objectCache: SessionCache | undefined;
  private flowSender: FlowSender | undefined;
  private reason: NnrpError | undefined;

  constructor(
    readonly connection: ServerSessionConnection,
    readonly open: preview3.SessionOpen,
    readonly ack: preview3.SessionOpenAck,
    readonly config: NnrpServerConfig,
  ) {
    described(ack);
    this.sessionId = ack.sessionId;
    this.lane = ack.acceptedPriorityClass + 1;
    this.lifecycle = new SessionLifecycle(ack.sessionId);
    this.gate = new ResultGate(
      connection.gate,
      ack.acceptedPriorityClass === SessionPriorityClass.Background,
      config.maxOutboxBytes,
      connection,
      (bound) => connection.bounds.hit(bound),
    );
    this.session = new NnrpServerSession(this);
    this.operations = new SessionOperations(this, ack.sessionId, ack.acceptedProfileId);
    this.closing = new SessionClosing(this);
    this.pendingPatches = new UnansweredRequests(connection, config.maxQueuedBytes);
    this.pendingMigrations = new UnansweredRequests(connection, config.maxQueuedBytes);
    this.queued = new QueuedSubmits(connection.memory.queue, connection);
    this.unread = new UnreadSubmits(this);
    this.inbox = new SessionInbox(this.unread);
    this.receiver = this.unread;
    connection.attach(ack.sessionId, new SessionIntake(this));
  }

  get deadlines() {
    return this.connection.deadlines;
  }

  get isOver(): boolean {
    return this.reason !== undefined;
  }

  /** Why the session is over; undefined while it is not. */
  get endReason(): NnrpError | undefined {
    return this.reason;
  }

  /** The objects that the client has put, or the application tracks; made when first asked for. */
  get cache(): SessionCache {
    const { config, connection, ack } = this;
    this.objectCache ??= new SessionCache(config, connection.schemas, ack, connection.memory.cache, connection.bounds);
    return this.objectCache;
  }

  get cacheObjectCount(): number {
    return this.objectCache?.size ?? 0;
  }

  /** What the cache is counted as, for `stats`. */
  get cacheFacts(): { readonly bytes: number; readonly objects: number; readonly schemas: number } {
    const cache = this.objectCache;
    return { bytes: cache?.byteLength ?? 0, objects: cache?.size ?? 0, schemas: cache?.schemaCount ?? 0 };
  }

  /** Lets go of cached objects whose lease is over. */
  expireObjects(): void {
    this.objectCache?.expire();
  }

  /** For the operations: none is in flight any more. */
  idle(): void {
    this.closing.wake();
    this.connection.answered();
  }

  /** For the operations: one of them waits for its client, or for room. */
  suspended(operation: OperationContext): void {
    this.receiver.suspended?.(operation);
  }

  resumed(operation: OperationContext): Promise<void> | undefined {
    return this.receiver.resumed?.(operation);
  }

  /**
   * Tells why a frame is dropped, or will be. A client that has not announced itself would fail on it; it gets the drop
   * alone.
   */
  explainDrop(frameId: number, failure: FrameFailure): void {
    if (this.connection.isAnnounced) this.sendFrameError(frameId, failure);
  }

  /** For the operations: one that has waited has begun. */
  begun(operation: OperationContext): void {
    this.queued.remove(operation);
  }

  /** For the operations: one is over, whoever holds it. */
  operationOver(operation: OperationContext): void {
    this.gate.operationOver(operation);
    this.receiver.withdraw(operation);
  }

  /** For the closing: work that comes from now on is refused. */
  stopSubmits(reason: NnrpError): void {
    this.inbox.endSubmits(reason);
  }

  /** Sends FLOW_UPDATE for this session, or for one of its operations. */
  sendFlow(fields: FlowFields, operation?: OperationContext): boolean {
    let sender: FlowSender;
    if (operation === undefined) {
      this.flowSender ??= new FlowSender(ScopeKind.Session);
      sender = this.flowSender;
    } else {
      sender = operation.flowSender(() => new FlowSender(ScopeKind.Operation, BigInt(operation.operationId)));
    }
    const update = sender.next(fields);
    return this.connection.send(MessageType.FlowUpdate, this.sessionId, 0, FLOW_UPDATE, update, undefined, this.lane);
  }

  /** Answers a frame that was never taken, or not by the application. */
  refuseFrame(failure: FrameFailure, { frameId, traceLow, traceHigh }: Packet): void {
    this.explainDrop(frameId, failure);
    this.connection.sendPlain(MessageType.ResultDrop, this.sessionId, frameId, this.lane, traceLow, traceHigh);
  }

  /** Tells the client about one of its frames. */
  sendFrameError(frameId: number, { wireCode, text, retryAfterMs, details }: FrameFailure): void {
    const { sessionId, lane } = this;
    const options = { sessionId, frameId, lane, retryAfterMs, details };
    this.connection.sendError(wireCode, ErrorScope.Frame, text, options);
  }

  /** A violation that costs the session, and nothing else. */
  fail(error: ProtocolError, frameId: number): void {
    const { sessionId, lane } = this;
    this.connection.report(sessionId, error);
    this.connection.sendError(error.wireCode, ErrorScope.Session, error.rawMessage, { sessionId, frameId, lane });
    this.closing.sendClose({ reason: CloseReason.ProtocolError });
    this.connection.closeSent(sessionId);
    this.end(error);
  }

  /**
   * The session is over: whatever waits for it is told why. Each step by itself, so that one that fails keeps no other
   * from giving back what it holds.
   */
  end(reason: NnrpError): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    const { connection } = this;
    this.lifecycle.end();
    guard(connection, () => this.closing.ended(this.operations.end(reason)));
    guard(connection, () => this.unread.end());
    guard(connection, () => this.pendingPatches.end());
    guard(connection, () => this.pendingMigrations.end());
    guard(connection, () => this.queued.end());
    guard(connection, () => this.objectCache?.end());
    guard(connection, () => this.inbox.end(reason));
    guard(connection, () => this.receiver.ended(reason));
    guard(connection, () => this.closing.wake());
    guard(connection, () => this.gate.end());
    guard(connection, () => connection.sessionEnded(this));
  }
}
