import {
  describeFault,
  FlowScope,
  forCaller,
  IdMap,
  type MessageInfo,
  type NnrpError,
  type Packet,
  ProtocolError,
  type UsageError,
  type WireFault,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { CacheAckStatus, ErrorCode, ErrorScope, MessageType, ScopeKind } from 'nnrp-core/preview3';
import type { BodyBytes } from '../../connection/body/body-reading.js';
import { isResult } from '../../connection/body/result-kind.js';
import { PARTIAL_RESULT_TYPE, RESULT_DROP_REASON_TYPE } from '../../connection/codes/preview4-codes.js';
import { readFlowUpdate } from '../../connection/revision/flow-update.js';
import type { Lane } from '../../connection/sending/outbox.js';
import { TEXT_BYTES } from '../../connection/sending/waiting-packet.js';
import type { SessionEndpoint } from '../../connection/session-endpoint.js';
import type { ClientControls } from '../controls/client-controls.js';
import { type DropReason, readDropReason } from '../failures/drop-reason.js';
import { readError, requestFailure } from '../failures/peer-error.js';
import { type CacheWords, cacheWords } from '../requests/cache-words.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { EventStreams } from '../streams/event-stream.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import type { ClientSubmits } from '../submits/client-submits.js';
import type { AnswerOutcome, ClientRequests } from './client-requests.js';
import { ControlRouter } from './control-router.js';
import type { SessionClosing } from './session-closing.js';
import type { ClientSessionEvent } from './session-events.js';

/** Operations with a flow of their own before those that are over are looked for. */
const MIN_PRUNING = 16;

/** The parts of a session that messages go to. */
export interface SessionParts {
  readonly sessionId: number;
  readonly submits: ClientSubmits;
  readonly requests: ClientRequests;
  readonly closing: SessionClosing;
  readonly controls: ClientControls;
  readonly events: EventStreams<ClientSessionEvent>;
}

/**
 * Reads what comes for one session and hands it to the part that it is for. Nothing a server sends here is fatal to
 * others.
 */
export class SessionRouter implements SessionEndpoint {
  /** Flow control of single operations, by frame id; only as long as they are in flight. */
  private operationScopes: IdMap<FlowScope> | undefined;
  private nextPruning = MIN_PRUNING;
  private readonly controls: ControlRouter;
  private readonly cache: CacheWords;

  /** @param end - ends the session */
  constructor(
    private readonly connection: ClientSessionConnection,
    private readonly parts: SessionParts,
    readonly lane: Lane,
    private readonly end: (reason: NnrpError) => void,
  ) {
    this.controls = new ControlRouter(connection.flow, parts);
    this.cache = cacheWords(connection.dialect.isPreview4);
  }

  receive(packet: Packet, info: MessageInfo): void {
    const { view, metadataStart } = packet;
    const { requests, events } = this.parts;
    switch (info.code) {
      case MessageType.ResultPush:
      case PARTIAL_RESULT_TYPE:
        if (!this.parts.submits.resultArrived(packet)) this.stray(packet, info);
        else if (this.parts.closing.endsWithLastAnswer) this.closeIfNothingInFlight();
        break;
      case MessageType.ResultDrop:
        this.dropped(packet, info);
        break;
      case MessageType.FlowUpdate:
        this.flowUpdated(packet, info);
        break;
      case MessageType.ResultHint: {
        const operation = this.parts.submits.operation(packet.frameId);
        if (operation === undefined && packet.frameId !== 0) this.strayUnlessReleased(packet.frameId, packet, info);
        else if (events.wanted) {
          const hint = preview3.decodeResultHint(view, metadataStart);
          events.push({ type: 'resultHint', hint, frameId: packet.frameId, operation });
        }
        break;
      }
      case MessageType.Error:
        this.errorArrived(packet);
        break;
      case MessageType.SessionPatchAck: {
        const ack = preview3.decodeSessionPatchAck(view, metadataStart);
        this.answered(requests.patchAnswered(ack, packet), packet, info, () => ({
          type: 'patchAck',
          ack: { ...ack, body: packet.body as BodyBytes },
        }));
        break;
      }
      case MessageType.SessionMigrateAck: {
        const ack = preview3.decodeSessionMigrateAck(view, metadataStart);
        this.answered(requests.migrateAnswered(ack), packet, info, () => ({ type: 'migrateAck', ack }));
        break;
      }
      case MessageType.CacheAck: {
        const ack = this.cache.readAck(view, metadataStart);
        this.answered(requests.cacheAnswered(ack), packet, info, () => ({ type: 'cacheAck', ack }));
        break;
      }
      case MessageType.CachePut:
        this.objectOffered(packet);
        break;
      case MessageType.CacheInvalidate:
        if (!events.wanted) break;
        events.push({ type: 'cacheInvalidate', invalidate: this.cache.readInvalidate(view, metadataStart) });
        break;
      case MessageType.SessionClose: {
        const close = preview3.decodeSessionClose(view, metadataStart);
        events.push({ type: 'close', close });
        this.parts.closing.askedByServer(close);
        break;
      }
      case MessageType.SessionCloseAck: {
        const ack = preview3.decodeSessionCloseAck(view, metadataStart);
        const due = this.parts.closing.answered(ack, () => events.push({ type: 'closeAck', ack }));
        if (!due) this.stray(packet, info);
        break;
      }
      case MessageType.SessionOpenAck:
        this.connection.openAnswered(packet, info);
        break;
      case RESULT_DROP_REASON_TYPE:
        this.dropped(packet, info, readDropReason(packet));
        break;
      default:
        this.controlled(packet, info);
    }
  }

  /** What only preview4 has. */
  private controlled(packet: Packet, info: MessageInfo): void {
    const outcome = this.connection.dialect.isPreview4 ? this.controls.receive(packet, info) : 'stray';
    if (outcome === 'stray') this.stray(packet, info);
    else if (outcome !== 'taken') this.report(outcome);
  }

  violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    if (packet.messageType === MessageType.SessionOpenAck) {
      this.connection.openAnswered(packet, info, fault);
      return;
    }
    const isTooLarge = fault.kind === 'packet_too_large';
    const code = isTooLarge ? ErrorCode.LimitExceeded : ErrorCode.MalformedBody;
    const error = new ProtocolError(`${info.name}: ${describeFault(fault)}`, code, fault);
    if (!isResult(packet.messageType) || this.parts.submits.failed(packet.frameId, forCaller(error)) === undefined)
      this.fail(error);
    else {
      // It may go on with other results, which are not waited for any more.
      if (isTooLarge) this.cancel(packet.frameId);
      this.report(error);
      this.closeIfNothingInFlight();
    }
  }

  /** A server that has not announced itself may fail on a frame that it does not know any more. */
  private cancel(frameId: number): void {
    const { connection, lane } = this;
    if (!connection.understands(preview3.PeerMessages.ErrorClosePing)) return;
    // In preview4 a server of this library takes it as well.
    connection.sendPlain(MessageType.FrameCancel, this.parts.sessionId, frameId, lane);
  }

  unsent(head: Packet, error: UsageError): void {
    this.parts.submits.unsent(head.frameId, error);
    this.closeIfNothingInFlight();
  }

  disconnected(error: NnrpError): void {
    this.end(forCaller(error));
  }

  private dropped(packet: Packet, info: MessageInfo, reason?: DropReason): void {
    const { submits, events } = this.parts;
    const { frameId } = packet;
    const isOther = reason !== undefined && submits.operation(frameId)?.isNamedBy(packet) === false;
    const operation = isOther ? false : submits.dropped(frameId, reason);
    if (operation === false) this.stray(packet, info);
    else if (operation !== undefined)
      events.push({ type: 'resultDrop', frameId, operation, ...(reason && { reasonCode: reason.reasonCode }) });
    this.closeIfNothingInFlight();
  }

  private flowUpdated(packet: Packet, info: MessageInfo): void {
    const update = readFlowUpdate(packet);
    const { submits, events } = this.parts;
    if (update.scopeKind === ScopeKind.Session) {
      events.push({ type: 'flowUpdate', update, outcome: submits.line.flowUpdated(update) });
      return;
    }
    // An operation has nothing to submit, so what is said about it is for the application alone.
    const operation = this.operationOf(update.operationId);
    if (operation === undefined) this.strayUnlessReleased(Number(update.operationId), packet, info);
    else if (events.wanted) {
      const outcome = this.operationScope(operation.frameId).apply(update, performance.now());
      events.push({ type: 'flowUpdate', update, outcome, operation });
    }
  }

  /** Unless the application has chosen the id, it is that of the frame, as it always is over preview3. */
  private operationOf(operationId: bigint): ClientOperation | undefined {
    const { submits } = this.parts;
    const operation = submits.operation(Number(operationId));
    if (operation?.id === operationId || !this.connection.dialect.isPreview4) return operation;
    const frameId = submits.ids?.frameOf(operationId);
    return frameId === undefined ? undefined : submits.operation(frameId);
  }

  private operationScope(frameId: number): FlowScope {
    this.operationScopes ??= new IdMap();
    let scope = this.operationScopes.get(frameId);
    if (scope !== undefined) return scope;
    if (this.operationScopes.size >= this.nextPruning) this.pruneScopes(this.operationScopes);
    scope = new FlowScope();
    this.operationScopes.set(frameId, scope);
    return scope;
  }

  /** Seldom enough that what it walks over was added one by one since. */
  private pruneScopes(scopes: IdMap<FlowScope>): void {
    for (const id of [...scopes.keys()]) if (this.parts.submits.operation(id) === undefined) scopes.delete(id);
    this.nextPruning = scopes.size * 2 + MIN_PRUNING;
  }

  private errorArrived(packet: Packet): void {
    const reported = readError(packet, this.connection.config.announce);
    const { message, error, violation } = reported;
    const { sessionId, submits, requests, events } = this.parts;
    if (violation !== undefined) this.report(violation);
    const isOfFrame = message.errorScope === ErrorScope.Frame;
    const operation = isOfFrame
      ? submits.reportedFailed(message.relatedFrameId || packet.frameId, reported)
      : undefined;
    this.connection.peerReported(forCaller(error), sessionId);
    if (events.wanted) events.push({ type: 'peerError', error: forCaller(error), message, operation });
    if (message.errorScope === ErrorScope.Session) {
      const { answers } = reported.details;
      if (message.isFatal === 1) this.end(error);
      else if (answers !== undefined) requests.failed(answers, requestFailure(reported, answers));
      else requests.rejectOnly(error);
    }
    this.closeIfNothingInFlight();
  }

  /** A client keeps no objects; a put must not go without an answer all the same. */
  private objectOffered(packet: Packet): void {
    const put = this.cache.readPut(packet.view, packet.metadataStart);
    const key = this.cache.readKey(packet.view, packet.metadataStart);
    const { sessionId, events } = this.parts;
    const ack = {
      cacheNamespace: key.cacheNamespace,
      cacheKeyHi: key.cacheKeyHi,
      cacheKeyLo: key.cacheKeyLo,
      status: CacheAckStatus.Rejected,
      acceptedTtlMs: 0,
      maxObjectBytes: 0,
      detailCode: ErrorCode.UnsupportedCapability,
    };
    const { connection, lane } = this;
    const hasLeft = connection.send(MessageType.CacheAck, sessionId, 0, this.cache.ack, ack, undefined, lane);
    if (!hasLeft) connection.answerWaits(TEXT_BYTES + preview3.COMMON_HEADER_BYTES + this.cache.ack.bytes);
    events.push({ type: 'cachePut', put, body: packet.body as BodyBytes });
  }

  private answered(outcome: AnswerOutcome, packet: Packet, info: MessageInfo, event: () => ClientSessionEvent): void {
    if (outcome === 'stray') this.stray(packet, info);
    else if (outcome !== 'taken') this.report(outcome);
    else if (this.parts.events.wanted) this.parts.events.push(event());
  }

  private closeIfNothingInFlight(): void {
    if (this.parts.submits.nothingInFlight) this.parts.closing.nothingInFlight();
  }

  private strayUnlessReleased(frameId: number, packet: Packet, info: MessageInfo): void {
    if (!this.parts.submits.isReleased(frameId)) this.stray(packet, info);
  }

  private stray(packet: Packet, message: MessageInfo): void {
    this.connection.stray(packet, message);
    this.parts.events.push({ type: 'stray', packet, message });
  }

  private report(error: ProtocolError): void {
    this.connection.violation(error, this.parts.sessionId);
    this.parts.events.push({ type: 'protocolViolation', error });
  }

  /** The server broke a rule in a way that costs the session, and nothing else. */
  private fail(error: ProtocolError): void {
    this.report(error);
    this.parts.closing.abort();
    this.end(forCaller(error));
  }
}
