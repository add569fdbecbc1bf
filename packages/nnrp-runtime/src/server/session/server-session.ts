import {
  type FlowFields,
  FlowSender,
  forCaller,
  type NnrpError,
  type Packet,
  type ProtocolError,
  SessionLifecycle,
} from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import {
  BackpressureLevel,
  CloseReason,
  ErrorScope,
  MessageType,
  ScopeKind,
  SessionPriorityClass,
} from 'nnrp-core/preview3';
import { RuntimeRole } from 'nnrp-core/preview4';
import { described } from '../../base/application/described.js';
import { observer } from '../../base/diagnostics/observer.js';
import { guard } from '../../base/guard.js';
import { SessionControls } from '../../connection/controls/session-controls.js';
import type { Dialect } from '../../connection/revision/dialect.js';
import { FLOW_UPDATE } from '../../connection/sending/codecs.js';
import type { Lane } from '../../connection/sending/outbox.js';
import type { ConnectionMemory } from '../bounds/server-memory.js';
import type { NnrpServerSession } from '../contract/contract.js';
import type { ProgressInit } from '../contract/preview4/operation-facts.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { dropReason } from '../contract/server-counters.js';
import { SessionTally } from '../counting/session-tally.js';
import type { FrameFailure } from '../failures/frame-failure.js';
import { QueuedSubmits } from '../inbox/queued-submits.js';
import { SessionInbox } from '../inbox/session-inbox.js';
import type { SessionReceiver } from '../inbox/session-receiver.js';
import { PREVIEW3_BODIES, PREVIEW4_BODIES } from '../operation/bodies/submit-bodies.js';
import type { ConnectionGate } from '../operation/connection-gate.js';
import type { Operation } from '../operation/operation.js';
import { OperationsOfPreview4 } from '../operation/preview4/session-operations.js';
import { ResultGate } from '../operation/result-gate.js';
import type { ServerSessionConnection } from '../operation/server-session-connection.js';
import { SessionOperations } from '../operation/session-operations.js';
import { SessionCache } from './session-cache.js';
import { SessionClosing } from './session-closing.js';
import { SessionMigrations } from './session-migrations.js';
import { SessionPatches } from './session-patches.js';

/**
 * One session of a server with all its parts: what comes in goes to `receiver`, what goes out through `operations` and
 * `closing`. The application holds `handle`.
 */
export class ServerSession {
  readonly sessionId: number;
  readonly role = RuntimeRole.Server;
  readonly lane: Lane;
  readonly lifecycle: SessionLifecycle;
  readonly gate: ResultGate;
  readonly operations: SessionOperations;
  readonly closing: SessionClosing;
  readonly inbox: SessionInbox;
  /** Takes the messages: the inbox, or the handlers of `serve`. */
  receiver: SessionReceiver;
  /** Its submits that wait. */
  readonly queued: QueuedSubmits;
  readonly tally: SessionTally;
  /** How its client speaks: of the connection that it was opened on, and of any other that it goes on over. */
  readonly dialect: Dialect;
  /** As `performance.now` has it. */
  readonly openedAtMs = performance.now();
  private ownPatches: SessionPatches | undefined;
  private ownMigrations: SessionMigrations | undefined;
  private ownControls: SessionControls | undefined;
  private objectCache: SessionCache | undefined;
  private flowSender: FlowSender | undefined;
  /** What its client was told last of the whole session. */
  flowTold: { readonly credit: number | undefined; readonly backpressureLevel: number } | undefined;
  /** All sessions of a connection share it. */
  private reason: NnrpError | undefined;
  private ownReason: NnrpError | undefined;
  /** Packets of the session that have been received, over all its connections. */
  receivedPackets = 0;
  receivedBytes = 0;
  /** Called once, by the next packet that comes: the client has the connection. */
  heard: (() => void) | undefined = undefined;

  constructor(
    /** What the application holds. */
    readonly handle: NnrpServerSession,
    readonly connection: ServerSessionConnection,
    readonly open: preview3.SessionOpen,
    readonly ack: preview3.SessionOpenAck,
    readonly config: NnrpServerConfig,
  ) {
    described(ack);
    this.sessionId = ack.sessionId;
    this.dialect = connection.dialect;
    this.lane = ack.acceptedPriorityClass + 1;
    this.lifecycle = new SessionLifecycle(ack.sessionId);
    this.gate = new ResultGate(
      connection.gate,
      ack.acceptedPriorityClass === SessionPriorityClass.Background,
      config.maxOutboxBytes,
      connection,
    );
    this.tally = new SessionTally(ack.sessionId, connection.bounds.tally);
    const Operations = connection.dialect.isPreview4 ? OperationsOfPreview4 : SessionOperations;
    this.operations = new Operations(this, ack.sessionId, ack.acceptedProfileId);
    this.closing = new SessionClosing(this);
    this.queued = new QueuedSubmits(connection.memory.queue, connection);
    this.inbox = new SessionInbox(this);
    this.receiver = this.inbox;
  }

  get deadlines() {
    return this.connection.deadlines;
  }

  get isOver(): boolean {
    return this.reason !== undefined;
  }

  /** Why the session is over; undefined while it is not. */
  get endReason(): NnrpError | undefined {
    if (this.reason !== undefined) this.ownReason ??= forCaller(this.reason);
    return this.ownReason;
  }

  /** Made when first asked for, like what follows: most sessions never need them. */
  get patches(): SessionPatches {
    this.ownPatches ??= new SessionPatches(this, this.config.maxQueuedBytes);
    return this.ownPatches;
  }

  get migrations(): SessionMigrations {
    this.ownMigrations ??= new SessionMigrations(this, this.config.maxQueuedBytes);
    return this.ownMigrations;
  }

  /** Its client goes on over another connection. @returns whether it has asked for leave, and got it */
  useLeave(): boolean {
    return this.ownMigrations?.useLeave() === true;
  }

  /** What only preview4 can say; its calls throw over preview3. */
  get controls(): SessionControls {
    this.ownControls ??= new SessionControls(this);
    return this.ownControls;
  }

  requireOpen(): void {
    if (this.reason !== undefined) throw forCaller(this.reason);
  }

  sendProgress(operation: Operation, progress: ProgressInit): boolean {
    const progressSequence = BigInt(operation.nextStep());
    return this.controls.progress({ ...progress, progressSequence }, operation);
  }

  /** The objects that the client has put, or the application tracks. */
  get cache(): SessionCache {
    const { config, connection, ack } = this;
    this.objectCache ??= new SessionCache(
      config,
      config.schemaRegistry,
      ack,
      connection.memory.cache,
      connection.bounds,
      this.dialect.isPreview4 ? PREVIEW4_BODIES : PREVIEW3_BODIES,
    );
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

  /** A packet of its client has come. */
  wasHeard(): void {
    const { heard } = this;
    this.heard = undefined;
    heard?.();
  }

  /** Lets go of cached objects whose lease is over. */
  expireObjects(): void {
    this.objectCache?.expire();
  }

  /** What the connection has of the session is another connection's from now on. */
  moveTo(gate: ConnectionGate, memory: ConnectionMemory): void {
    this.gate.moveTo(gate);
    this.queued.moveTo(memory.queue);
    this.ownPatches?.moveTo(memory.queue);
    this.ownMigrations?.moveTo(memory.queue);
    this.objectCache?.moveTo(memory.cache);
  }

  /** The connection is over. The session may outlive it. */
  disconnected(error: NnrpError): void {
    if (!this.connection.outlivedBy(this, error)) this.end(error);
  }

  /** Over preview4 a reference client resumes a session without its operations. */
  abandonOperations(reason: NnrpError): void {
    this.operations.abandon(forCaller(reason));
  }

  /** For the operations: none is in flight any more. */
  allAnswered(): void {
    this.closing.wake();
    this.connection.answered();
  }

  /** For the operations: one of them waits for its client, or for room. */
  suspended(operation: Operation): void {
    this.receiver.suspended?.(operation);
  }

  handlerBack(operation: Operation): Promise<void> | undefined {
    return this.receiver.handlerBack?.(operation);
  }

  /**
   * Tells why a frame is dropped, or will be. A client that has not announced itself would fail on it; it gets the drop
   * alone.
   */
  explainDrop(frameId: number, failure: FrameFailure): void {
    if (this.connection.knowsPeerMessages) this.sendFrameError(frameId, failure);
  }

  /** For the operations: one that has waited has begun. */
  begun(operation: Operation): void {
    this.queued.remove(operation);
  }

  /** For the operations: one is over, wherever it waits. */
  operationEnded(operation: Operation): void {
    this.gate.operationEnded(operation);
    this.receiver.withdraw(operation);
  }

  /** For the closing: work that comes from now on is refused. */
  stopSubmits(reason: NnrpError): void {
    this.inbox.endSubmits(reason);
  }

  /** Sends FLOW_UPDATE for this session, or for one of its operations. */
  sendFlow(fields: FlowFields, operation?: Operation): boolean {
    let sender: FlowSender;
    if (operation === undefined) {
      this.flowSender ??= new FlowSender(ScopeKind.Session);
      sender = this.flowSender;
      const { credit = this.flowTold?.credit, backpressureLevel = BackpressureLevel.None } = fields;
      this.flowTold = { credit, backpressureLevel };
    } else {
      sender = operation.flowSender(() => new FlowSender(ScopeKind.Operation, operation.id));
    }
    const update = sender.next(fields);
    return this.connection.send(MessageType.FlowUpdate, this.sessionId, 0, FLOW_UPDATE, update, undefined, this.lane);
  }

  /** Answers a frame that was never taken, or not by the application. */
  dropFrame(failure: FrameFailure, packet: Packet): void {
    const { frameId } = packet;
    this.tally.notTaken(frameId, dropReason(failure));
    if (this.closing.isUntold) return;
    this.explainDrop(frameId, failure);
    this.operations.dropUntaken(packet, failure);
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
    observer?.session('server', this.handle, connection.remoteAddress);
    guard(connection, () => this.closing.ended(this.operations.end(reason)));
    guard(connection, () => this.inbox.readOn());
    guard(connection, () => this.ownControls?.objects.clear());
    guard(connection, () => this.ownPatches?.end());
    guard(connection, () => this.ownMigrations?.end());
    guard(connection, () => this.queued.end());
    guard(connection, () => this.objectCache?.end());
    guard(connection, () => this.inbox.ended(reason));
    guard(connection, () => this.receiver.ended(reason));
    guard(connection, () => this.closing.wake());
    guard(connection, () => this.gate.end());
    guard(connection, () => connection.sessionEnded(this.sessionId));
  }
}
