import {
  describeFault,
  type FlowFields,
  type MessageInfo,
  type NnrpError,
  type Packet,
  ProtocolError,
  type SessionLifecycle,
  type UsageError,
  type WireFault,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import {
  ErrorCode,
  ErrorScope,
  MessageType,
  PeerMessages,
  ScopeKind,
  SubmitMode,
  UpdateReason,
} from 'nnrp-core/preview3';
import type { SessionControls } from '../../connection/controls/session-controls.js';
import { readErrorText } from '../../connection/errors/error-text.js';
import { CACHE_ACK } from '../../connection/sending/codecs.js';
import type { Lane } from '../../connection/sending/outbox.js';
import type { SessionEndpoint } from '../../connection/session-endpoint.js';
import type { ResolvedObject } from '../contract/contract.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { aboveInFlightLimit, type FrameFailure, submitRefused } from '../failures/frame-failure.js';
import type { SessionReceiver } from '../inbox/session-receiver.js';
import { PREVIEW3_BODIES, type SubmitBodies } from '../operation/bodies/submit-bodies.js';
import type { ResultGate } from '../operation/result-gate.js';
import type { ServerSessionConnection } from '../operation/server-session-connection.js';
import type { SessionOperations } from '../operation/session-operations.js';
import { bodyLengthError } from './body-length.js';
import type { SessionCache } from './session-cache.js';
import type { SessionClosing } from './session-closing.js';
import type { SessionMigrations } from './session-migrations.js';
import type { SessionPatches } from './session-patches.js';
import { strictFault } from './strict-submit.js';

const AT = preview3.FRAME_SUBMIT_OFFSETS;

/** What the intake of a session needs of it. */
export interface RouterOwner {
  readonly sessionId: number;
  readonly lane: Lane;
  /** The request that the session was granted for. */
  readonly open: Pick<preview3.SessionOpen, 'defaultDeadlineMs' | 'maxInFlightOperations'>;
  readonly config: NnrpServerConfig;
  readonly connection: Omit<ServerSessionConnection, 'sessionEnded'>;
  readonly lifecycle: SessionLifecycle;
  readonly operations: SessionOperations;
  readonly closing: SessionClosing;
  readonly gate: ResultGate;
  readonly cache: SessionCache;
  readonly controls: SessionControls;
  readonly isOver: boolean;
  readonly patches: SessionPatches;
  readonly migrations: SessionMigrations;
  /** Takes what has come. */
  readonly receiver: SessionReceiver;
  sendFlow(fields: FlowFields): boolean;
  /** Tells the client about one of its frames. */
  sendFrameError(frameId: number, failure: FrameFailure): void;
  /** Answers a frame that was never taken. */
  dropFrame(failure: FrameFailure, packet: Packet): void;
  /** The client broke a rule that costs the session. */
  fail(error: ProtocolError, frameId: number): void;
  /** Packets of the session that have been received, over all its connections. */
  receivedPackets: number;
  /** Their bytes. */
  receivedBytes: number;
  /** Called once, by the next packet that comes. */
  readonly heard: (() => void) | undefined;
  wasHeard(): void;
  /** The connection is over. */
  disconnected(error: NnrpError): void;
}

/** What comes in for one session: checks what each message may do in the state the session is in, and passes it on. */
export class SessionRouter<Core extends RouterOwner = RouterOwner> implements SessionEndpoint {
  constructor(readonly session: Core) {}

  protected get bodies(): SubmitBodies {
    return PREVIEW3_BODIES;
  }

  get lane(): Lane {
    return this.session.lane;
  }

  unsent(head: Packet, error: UsageError): void {
    this.session.operations.unsent(head, error);
  }

  disconnected(error: NnrpError): void {
    this.session.disconnected(error);
  }

  receive(packet: Packet, info: MessageInfo): void {
    const { session } = this;
    session.receivedPackets++;
    session.receivedBytes += packet.byteLength;
    if (session.heard !== undefined) session.wasHeard();
    // Its client has come for the rest, and cannot know yet. A submit needs an answer; all else has crossed the end.
    if (session.isOver && info.code !== MessageType.FrameSubmit) return;
    switch (info.code) {
      case MessageType.FrameSubmit:
        this.submitted(packet);
        break;
      case MessageType.FrameCancel:
        this.cancelled(packet.frameId);
        break;
      case MessageType.FlowUpdate:
        this.flowUpdated(packet);
        break;
      case MessageType.SessionPatch:
        this.session.patches.received(packet, info);
        break;
      case MessageType.SessionMigrate:
        this.session.migrations.received(packet);
        break;
      case MessageType.CachePut:
        this.objectPut(packet, info);
        break;
      case MessageType.CacheInvalidate:
        this.objectsInvalidated(packet);
        break;
      case MessageType.SessionClose:
        this.closeRequested(packet);
        break;
      case MessageType.SessionCloseAck:
        this.session.closing.answered(preview3.decodeSessionCloseAck(packet.view, packet.metadataStart).closeStatus);
        break;
      case MessageType.Error:
        this.errorArrived(packet);
        break;
      default:
        if (info.direction === 'server_to_client') this.failSession(packet, info);
        else this.unsupported(packet, info);
    }
  }

  violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    const { session } = this;
    session.receivedPackets++;
    session.receivedBytes += packet.byteLength;
    if (session.heard !== undefined) session.wasHeard();
    if (fault.kind === 'packet_too_large') session.connection.bounds.hit('packetBytes');
    const error = new ProtocolError(`${info.name}: ${describeFault(fault)}`, codeOf(fault), fault);
    if (packet.messageType === MessageType.FrameSubmit && packet.frameId !== 0) {
      const { registry } = session.operations;
      if (registry.wasUsed(packet.frameId) && !registry.has(packet.frameId)) {
        this.usedBefore(packet.frameId, packet);
        return;
      }
      if (!registry.has(packet.frameId)) {
        // The frame was never taken: its id stays free, and the client is not left waiting.
        session.connection.report(session.sessionId, error);
        session.dropFrame(submitRefused(error.wireCode, error.rawMessage), packet);
        return;
      }
    }
    if (!session.isOver) session.fail(error, packet.frameId);
  }

  protected submitted(packet: Packet): void {
    const { session } = this;
    const { frameId } = packet;
    const { registry } = session.operations;
    if (!session.lifecycle.acceptsNewOperations || session.connection.isDraining) {
      if (session.operations.useUpId(packet)) session.dropFrame(session.closing.closingFailure(), packet);
      else this.usedBefore(frameId, packet);
      return;
    }
    const { maxInFlightOperations, strict } = session.config;
    if (maxInFlightOperations > 0 && registry.size >= maxInFlightOperations && !registry.has(frameId)) {
      this.exceeded(packet);
      return;
    }
    const fault = strict ? strictFault(packet, session.cache.schemas, this.bodies) : undefined;
    if (fault !== undefined) {
      this.rejectSubmit(packet, fault.errorCode, fault.text);
      return;
    }
    let objects: readonly ResolvedObject[] | undefined;
    if (packet.view.getUint8(packet.metadataStart + AT.submitMode) !== SubmitMode.Inline) {
      const resolved = session.cache.resolve(packet);
      if ('errorCode' in resolved) {
        this.rejectSubmit(packet, resolved.errorCode, resolved.text);
        return;
      }
      objects = resolved.objects;
    }
    const operation = session.operations.admit(packet, this.deadlineOf(packet), objects);
    if (operation === undefined) this.usedBefore(frameId, packet);
    else session.receiver.submit(operation);
  }

  /** latency_budget_ms of the submit, else default_deadline_ms of the session; 0 = none. */
  protected deadlineOf(packet: Packet): number {
    const { config, connection, open } = this.session;
    if (!config.deadlines) return 0;
    const budgetMs = packet.view.getUint16(packet.metadataStart + AT.latencyBudgetMs, true);
    if (budgetMs === preview3.UNLIMITED_BUDGET && connection.understands(PeerMessages.UnlimitedBudget)) return 0;
    if (budgetMs !== 0) return budgetMs;
    return connection.knowsPeerMessages || config.enforceReferenceDeadlines ? open.defaultDeadlineMs : 0;
  }

  /** More than may be in flight: the frame is dropped, and the client told what it may have. */
  protected exceeded(packet: Packet): void {
    const { session } = this;
    const { maxInFlightOperations } = session.config;
    if (session.operations.useUpId(packet)) {
      session.dropFrame(aboveInFlightLimit(maxInFlightOperations), packet);
      // The credit says it all; a level would slow the client down until another update takes it back.
      session.sendFlow({ updateReason: UpdateReason.Reduce, credit: maxInFlightOperations });
    } else {
      this.usedBefore(packet.frameId, packet);
    }
  }

  /** A frame id comes twice: its first frame has its answer, or gets it; this one gets none. */
  protected usedBefore(frameId: number, _packet?: Packet): void {
    const { session } = this;
    const error = new ProtocolError(`FRAME_SUBMIT: frame ${frameId} was used before`, ErrorCode.InvalidState);
    session.connection.report(session.sessionId, error);
    session.sendFrameError(frameId, submitRefused(error.wireCode, error.rawMessage));
  }

  /** The frame is answered, and its id used up; a client that knows ERROR is told why. */
  protected rejectSubmit(packet: Packet, errorCode: number, text: string): void {
    const { session } = this;
    if (!session.operations.useUpId(packet)) {
      this.usedBefore(packet.frameId, packet);
      return;
    }
    session.dropFrame(submitRefused(errorCode, text), packet);
  }

  protected cancelled(frameId: number): void {
    const { session } = this;
    // A cancel that crosses the last answer, or comes twice, has nothing left to do.
    if (session.operations.cancelled(frameId)) session.receiver.cancel({ frameId });
  }

  protected flowUpdated(packet: Packet): void {
    const { session } = this;
    const update = preview3.decodeFlowUpdate(packet.view, packet.metadataStart);
    const operation =
      update.scopeKind === ScopeKind.Operation
        ? session.operations.registry.get(Number(update.operationId))
        : undefined;
    // An operation that is over has nothing left to hold back.
    if (update.scopeKind === ScopeKind.Operation && operation === undefined) return;
    const outcome = session.gate.scopeOf(operation).apply(update, performance.now());
    // One that is stale has changed nothing.
    if (outcome === 'applied') session.gate.flowChanged(operation);
    session.receiver.event({ type: 'flowUpdate', update });
  }

  protected objectPut(packet: Packet, info: MessageInfo): void {
    const { session } = this;
    const put = preview3.decodeCachePut(packet.view, packet.metadataStart);
    if (packet.bodyLength !== put.objectBytes) {
      session.fail(bodyLengthError(packet, info, put.objectBytes), packet.frameId);
      return;
    }
    const ack = session.cache.put(put, packet.body);
    session.connection.send(MessageType.CacheAck, session.sessionId, 0, CACHE_ACK, ack, undefined, session.lane);
    session.receiver.event({ type: 'cachePut', put, ack });
  }

  protected objectsInvalidated(packet: Packet): void {
    const { session } = this;
    const invalidate = preview3.decodeCacheInvalidate(packet.view, packet.metadataStart);
    session.receiver.event({ type: 'cacheInvalidate', invalidate, removed: session.cache.invalidate(invalidate) });
  }

  private closeRequested(packet: Packet): void {
    const close = { metadata: preview3.decodeSessionClose(packet.view, packet.metadataStart) };
    if (this.session.closing.requestedByClient(close)) this.session.receiver.close(close);
  }

  /** Answering an error with an error would never end. */
  private errorArrived(packet: Packet): void {
    const error = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
    const { text: diagnostic, details } = readErrorText(packet, error);
    const { connection, sessionId, receiver } = this.session;
    connection.peerReported({ remoteAddress: connection.remoteAddress, sessionId, error, diagnostic });
    receiver.event({ type: 'peerError', error, diagnostic, details: details.details });
  }

  /** A message that this server does not serve: said to the peer, and nothing else happens. */
  protected unsupported({ sessionId, frameId }: Packet, info: MessageInfo): void {
    const text = `${info.name} is not served`;
    this.session.connection.sendError(ErrorCode.UnsupportedCapability, ErrorScope.Session, text, {
      sessionId,
      frameId,
    });
  }

  protected failSession(packet: Packet, info: MessageInfo): void {
    const { session } = this;
    const text = `${info.name} in session ${session.sessionId}, state ${session.lifecycle.state}`;
    session.fail(new ProtocolError(text, ErrorCode.InvalidState), packet.frameId);
  }
}

function codeOf(fault: WireFault): number {
  return fault.kind === 'packet_too_large' ? ErrorCode.LimitExceeded : ErrorCode.MalformedBody;
}
