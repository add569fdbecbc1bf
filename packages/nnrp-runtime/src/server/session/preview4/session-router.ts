import { describeFault, type MessageInfo, type Packet, ProtocolError, type WireFault } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, ScopeKind } from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { momentOf } from '../../../base/time/unix-time.js';
import { type ControlEvent, operationOf, readControl } from '../../../connection/controls/control-events.js';
import type { AnyControlKind } from '../../../connection/controls/control-kinds.js';
import { noteObject } from '../../../connection/controls/note-object.js';
import { readFlowUpdate } from '../../../connection/revision/flow-update.js';
import { aboveInFlightLimit, submitRefused } from '../../failures/frame-failure.js';
import { PREVIEW4_BODIES, type SubmitBodies } from '../../operation/bodies/submit-bodies.js';
import { abortedBecause } from '../../operation/preview4/drop-codes.js';
import type { OperationOfPreview4 } from '../../operation/preview4/operation.js';
import type { OperationsOfPreview4 } from '../../operation/preview4/session-operations.js';
import { type RouterOwner, SessionRouter } from '../session-router.js';
import { budgetAfter } from './budget-after.js';
import { CACHE_ACK_4 } from './codecs.js';
import { Reservations } from './reservations.js';

const { MessageType } = preview4;
/** Messages of a session that break rules and are passed over; of more, the session is given up. */
const MAX_FAULTS = 1000;
/** Deadlines that may wait for their submits, however many a session may have in flight: each submit looks at them. */
const MAX_EARLY = 1024;

/** What comes in for a session that speaks preview4. What a client does wrong costs the message, and not the session. */
export class RouterOfPreview4<Core extends RouterOwner = RouterOwner> extends SessionRouter<Core> {
  private early: Reservations | undefined;
  private faults = 0;

  override receive(packet: Packet, info: MessageInfo): void {
    if (info.code < MessageType.Cancel && info.code !== MessageType.Ping && info.code !== MessageType.Pong) {
      super.receive(packet, info);
      return;
    }
    this.counted(packet);
    if (info.code === MessageType.Ping) {
      const { connection, sessionId, lane } = this.session;
      connection.sendPlain(MessageType.Pong, sessionId, 0, lane);
    } else if (info.code !== MessageType.Pong && !this.session.isOver) {
      this.controlled(packet, info);
    }
  }

  override violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    this.counted(packet);
    const { session } = this;
    // A session that is over waits for no answer.
    if (session.isOver) return;
    if (fault.kind === 'packet_too_large') session.connection.bounds.hit('packetBytes');
    const text = `${info.name}: ${describeFault(fault)}`;
    const code = fault.kind === 'packet_too_large' ? ErrorCode.LimitExceeded : ErrorCode.MalformedBody;
    this.passOver(packet, new ProtocolError(text, code, fault));
    // Whatever it is, its client waits for an answer, unless the frame has one or gets one.
    if (info.code === MessageType.FrameSubmit && !session.operations.registry.has(packet.frameId) && !session.isOver) {
      session.dropFrame(submitRefused(code, text), packet);
    }
  }

  protected override get bodies(): SubmitBodies {
    return PREVIEW4_BODIES;
  }

  private get operations(): OperationsOfPreview4 {
    return this.session.operations as OperationsOfPreview4;
  }

  private counted(packet: Packet): void {
    const { session } = this;
    session.receivedPackets++;
    session.receivedBytes += packet.byteLength;
    if (session.heard !== undefined) session.wasHeard();
  }

  protected override submitted(packet: Packet): void {
    const { early, session } = this;
    const deadlineMs = early === undefined || early.size === 0 ? undefined : early.take(packet);
    if (deadlineMs === undefined) {
      super.submitted(packet);
      return;
    }
    this.leftMs = Math.max(1, Math.ceil(deadlineMs - performance.now()));
    super.submitted(packet);
    this.leftMs = 0;
    const operation = session.operations.registry.get(packet.frameId);
    if (operation !== undefined && !session.isOver)
      this.reschedule(operation as OperationOfPreview4, deadlineMs, undefined);
  }

  /** Milliseconds for the submit that is dealt with, where they have come before it. */
  private leftMs = 0;

  protected override deadlineOf(packet: Packet): number {
    if (this.leftMs === 0 || this.session.config.deadlines === false) return super.deadlineOf(packet);
    return Math.min(this.leftMs, 0xffff_ffff);
  }

  protected override exceeded(packet: Packet): void {
    const { session } = this;
    if (session.connection.knowsPeerMessages) {
      super.exceeded(packet);
      return;
    }
    // A reference client of preview4 has its credit from the acknowledgement, and is told the reason.
    const { maxInFlightOperations } = session.config;
    if (session.operations.useUpId(packet)) session.dropFrame(aboveInFlightLimit(maxInFlightOperations), packet);
    else this.usedBefore(packet.frameId, packet);
  }

  /** An id comes twice, or a frame id descends: its first frame has its answer, or gets it; a later one gets a drop of its own. */
  protected override usedBefore(frameId: number, packet?: Packet): void {
    const { session } = this;
    const text = `FRAME_SUBMIT: frame ${frameId} or its operation id was used before, or does not ascend`;
    const error = new ProtocolError(text, ErrorCode.InvalidState);
    if (packet === undefined || session.operations.registry.has(frameId)) {
      super.usedBefore(frameId);
      return;
    }
    session.connection.report(session.sessionId, error);
    session.dropFrame(submitRefused(error.wireCode, error.rawMessage), packet);
  }

  protected override cancelled(frameId: number): void {
    if (frameId > this.session.operations.registry.highestId) {
      this.passOver(undefined, new ProtocolError(`FRAME_CANCEL: there is no frame ${frameId}`, ErrorCode.InvalidState));
    } else {
      super.cancelled(frameId);
    }
  }

  protected override flowUpdated(packet: Packet): void {
    const update = readFlowUpdate(packet);
    const isOfOperation = update.scopeKind === ScopeKind.Operation;
    const operation = isOfOperation ? this.operations.byOperationId(update.operationId) : undefined;
    if (isOfOperation && operation === undefined) return;
    this.flow(update, operation);
    this.session.receiver.event({ type: 'flowUpdate', update });
  }

  protected override objectPut(packet: Packet): void {
    const { session } = this;
    // Keys are wider, and nothing else differs: the cache keeps them as they are.
    const put = preview4.decodeCachePut(packet.view, packet.metadataStart) as unknown as preview3.CachePut;
    const ack = session.cache.put(put, packet.body);
    const { sessionId, lane } = session;
    session.connection.send(MessageType.CacheAck, sessionId, 0, CACHE_ACK_4, ack, undefined, lane);
    session.receiver.event({ type: 'cachePut', put, ack });
  }

  protected override objectsInvalidated(packet: Packet): void {
    const { session } = this;
    const decoded = preview4.decodeCacheInvalidate(packet.view, packet.metadataStart);
    const invalidate = decoded as unknown as preview3.CacheInvalidate;
    session.receiver.event({ type: 'cacheInvalidate', invalidate, removed: session.cache.invalidate(invalidate) });
  }

  protected override failSession(packet: Packet, info: MessageInfo): void {
    const text = `${info.name} in session ${this.session.sessionId} is not for a server`;
    this.passOver(packet, new ProtocolError(text, ErrorCode.InvalidState));
  }

  /** Reported, told to a client that knows ERROR, and passed over; a client that does nothing else loses its session. */
  private passOver(packet: Packet | undefined, error: ProtocolError): void {
    const { session } = this;
    const frameId = packet?.frameId ?? 0;
    if (++this.faults > MAX_FAULTS) {
      session.fail(new ProtocolError(`${MAX_FAULTS} messages of the session broke rules`, ErrorCode.LimitExceeded), 0);
      return;
    }
    session.connection.report(session.sessionId, error);
    const { sessionId, lane } = session;
    session.connection.sendError(error.wireCode, preview3.ErrorScope.Session, error.rawMessage, {
      sessionId,
      frameId,
      lane,
    });
  }

  private controlled(packet: Packet, info: MessageInfo): void {
    const read = readControl(packet, this.session.config.strict);
    if (read === undefined) {
      this.failSession(packet, info);
      return;
    }
    if ('fault' in read) {
      this.passOver(packet, new ProtocolError(`${info.name}: ${describeFault(read.fault)}`, ErrorCode.MalformedBody));
      return;
    }
    const { event, kind } = read;
    if (event.type === 'traceContext' && !hasItsTrace(packet, event.metadata.traceId)) {
      const text = `${info.name}: the header has another trace id`;
      this.passOver(packet, new ProtocolError(text, ErrorCode.InvalidState));
      return;
    }
    const target = this.targetOf(packet, event, kind);
    if (target === 'over') return;
    if (target === 'early') {
      this.reserve(packet, event.metadata as preview4.Scheduling);
      return;
    }
    if (target === 'unknown') {
      const text = `${info.name}: there is no such operation with frame ${packet.frameId}`;
      this.passOver(packet, new ProtocolError(text, ErrorCode.InvalidState));
      return;
    }
    this.apply(event, target);
  }

  /** Which operation a message is about: none, one that runs, one that is over, one that is to come, or none that there is. */
  private targetOf(
    { frameId }: Packet,
    event: ControlEvent,
    kind: AnyControlKind,
  ): OperationOfPreview4 | 'over' | 'early' | 'unknown' | undefined {
    if (kind.binding === 'session') return undefined;
    if (kind.binding === 'frame') return frameId === 0 || this.operations.hasSeen(frameId) ? undefined : 'unknown';
    const operationId = operationOf(event, kind);
    if (operationId === 0n && frameId === 0 && kind.binding === 'operation_or_session') return undefined;
    const operation = this.operations.named(frameId, operationId);
    if (operation !== undefined) return operation;
    if (frameId !== 0 && this.operations.hasSeen(frameId)) {
      return this.operations.registry.has(frameId) ? 'unknown' : 'over';
    }
    return event.type === 'deadline' && frameId !== 0 && operationId !== 0n ? 'early' : 'unknown';
  }

  private reserve({ frameId }: Packet, { operationId, deadlineUnixMs }: preview4.Scheduling): void {
    const { session } = this;
    this.early ??= new Reservations(Math.min(MAX_EARLY, Math.max(1, session.open.maxInFlightOperations)));
    const why = this.early.add(frameId, operationId, momentOf(deadlineUnixMs));
    if (why === undefined) return;
    session.connection.report(
      session.sessionId,
      new ProtocolError(`DEADLINE before its submit, frame ${frameId}: ${why}`, ErrorCode.InvalidState),
    );
  }

  /** What a message brings about by itself; then the application hears of it. */
  private apply(event: ControlEvent, operation: OperationOfPreview4 | undefined): void {
    const { session } = this;
    switch (event.type) {
      case 'cancelRequest':
      case 'abortRequest': {
        if (operation === undefined) return;
        // Before its answer, so that the application may say more of it first.
        session.receiver.event(event);
        const { reasonCode, flags, sourceRole } = event.metadata;
        const request = { isAbort: event.type === 'abortRequest', reasonCode, flags, sourceRole };
        const drop = request.isAbort ? { reasonCode: abortedBecause(reasonCode) } : undefined;
        if (session.operations.cancelled(operation.frameId, drop)) {
          session.receiver.cancel({ frameId: operation.frameId, request });
        }
        return;
      }
      case 'priorityUpdate': {
        const { priorityClass, priorityDelta } = event.metadata;
        if (operation !== undefined) operation.said.priority = { priorityClass, priorityDelta };
        break;
      }
      case 'deadline':
        if (operation !== undefined)
          this.reschedule(operation, momentOf(event.metadata.deadlineUnixMs), operation.expiresAtMs);
        break;
      case 'expireAt':
        if (operation !== undefined) this.expiresAt(operation, event.metadata);
        break;
      case 'budgetUpdate':
        if (operation !== undefined) operation.said.budget = budgetAfter(operation.budget, event.metadata);
        break;
      case 'backpressure':
      case 'creditUpdate':
        this.pressed(event.metadata, event.type === 'backpressure');
        break;
      case 'objectDeclare':
      case 'objectRef':
      case 'objectRelease':
      case 'objectPatch':
      case 'objectDelta':
        this.objectSaid(event);
        return;
      default:
    }
    session.receiver.event(event);
    if (event.type === 'supersede' && operation?.isOver === false) this.operations.supersede(operation);
  }

  /** An object that is not known, or not in order, is the application's affair; what goes missing for good the client is told. */
  private objectSaid(event: ControlEvent): void {
    const { session } = this;
    const issue = noteObject(session.controls.objects, event, session.sessionId);
    session.receiver.event(issue === undefined ? event : { ...event, issue });
    if (issue !== 'delta_gap' && issue !== 'table_full') return;
    const errorCode = issue === 'delta_gap' ? ErrorCode.InvalidState : ErrorCode.LimitExceeded;
    session.controls.recoverableError({ errorCode, body: `object: ${issue}` });
  }

  private expiresAt(operation: OperationOfPreview4, { deadlineUnixMs, flags }: preview4.Scheduling): void {
    const discards = (flags & preview4.SchedulingFlags.DiscardStale) !== 0;
    const before = operation.expiresAtMs;
    operation.said.expiresAtMs = discards ? momentOf(deadlineUnixMs) : undefined;
    // One that discards nothing takes back what would have.
    if (discards || before !== undefined) this.reschedule(operation, operation.deadlineAtMs, operation.expiresAtMs);
  }

  /** The earlier one of both counts. */
  private reschedule(operation: OperationOfPreview4, deadlineAtMs: number, expiresAtMs: number | undefined): void {
    operation.deadlineAtMs = deadlineAtMs;
    const { POSITIVE_INFINITY } = Number;
    const atMs = Math.min(deadlineAtMs === 0 ? POSITIVE_INFINITY : deadlineAtMs, expiresAtMs ?? POSITIVE_INFINITY);
    const isAny = atMs !== POSITIVE_INFINITY;
    if (isAny) operation.deadlineMs = Math.max(1, Math.ceil(atMs - performance.now()));
    if (this.session.config.deadlines === true) this.operations.reschedule(operation, isAny ? atMs : undefined);
  }

  /** BACKPRESSURE and CREDIT_UPDATE hold partial results back beside FLOW_UPDATE; a window that is not 0 lets them go. */
  private pressed(said: preview4.Pressure, isBackpressure: boolean): void {
    const { gate, connection } = this.session;
    const { AppliesToConnection, AppliesToOperation } = preview4.PressureFlags;
    // Results are no operations, so that a window of none says nothing of them.
    if (!isBackpressure && said.creditWindow === 0n) return;
    const isOfOperation = (said.flags & AppliesToOperation) !== 0;
    const operation = isOfOperation ? this.operations.byOperationId(said.scopeId) : undefined;
    if (isOfOperation && operation === undefined) return;
    const isOfConnection = !isOfOperation && (said.flags & AppliesToConnection) !== 0;
    const pressure = isOfConnection ? connection.gate.pressure : gate.pressureOf(operation);
    if (isBackpressure) pressure.backpressure(said);
    else pressure.credit(said);
    if (isOfConnection) connection.gate.changed();
    else gate.flowChanged(operation);
  }

  private flow(update: preview3.FlowUpdate, operation: OperationOfPreview4 | undefined): void {
    const { gate } = this.session;
    const outcome = gate.scopeOf(operation).apply(update, performance.now());
    if (outcome === 'applied') gate.flowChanged(operation);
  }
}

/** A header that names a trace names the one of the metadata. */
function hasItsTrace({ traceLow, traceHigh }: Packet, traceId: bigint): boolean {
  if ((traceLow | traceHigh) === 0) return true;
  return Number(traceId & 0xffff_ffffn) === traceLow && Number(traceId >> 32n) === traceHigh;
}
