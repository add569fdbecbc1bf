import { type FlowFields, FlowSender, type NnrpError, SessionLifecycle } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType, ScopeKind } from 'nnrp-core/preview3';
import { CLIENT_ROLE } from '../../connection/codes/preview4-codes.js';
import { FLOW_UPDATE } from '../../connection/sending/codecs.js';
import type { Lane } from '../../connection/sending/outbox.js';
import { ClientControls } from '../controls/client-controls.js';
import type { ResumeGrant } from '../recovery/resumable-session.js';
import { lostBeforeSent } from '../recovery/session-lost.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { EventStreams } from '../streams/event-stream.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import { ClientSubmits } from '../submits/client-submits.js';
import { OperationFlow } from '../submits/operation-flow.js';
import { ClientRequests } from './client-requests.js';
import { SessionClosing } from './session-closing.js';
import type { ClientSessionEvent } from './session-events.js';
import { SessionRouter } from './session-router.js';
import { epochBehind, type TakenOver, takeOver } from './take-over.js';

/** What the server has granted, and for what. */
export interface OpenedSession {
  readonly ack: preview3.SessionOpenAck;
  /** Blocks that the server sent with its acknowledgement, such as vendor extensions. */
  readonly extensions: readonly preview3.ControlExtension[];
  /** What was asked for. */
  readonly open: preview3.SessionOpen;
  /** Operations in flight that the application wants at most; undefined or 0 = as many as the server allows. */
  readonly maxInFlight: number | undefined;
  /** By what it can be resumed on a server that is none of this library; undefined where it cannot. */
  readonly grant?: ResumeGrant | undefined;
  /** Where another client had the session before. */
  readonly takenOver?: TakenOver;
}

/**
 * One session as the server knows it, from its acknowledgement to its end or loss. A session of the application has one at a
 * time: when one is lost, the next begins with frame ids, credit and epochs of its own, and nothing of the old one reaches it.
 */
export class ServedSession {
  readonly ack: preview3.SessionOpenAck;
  readonly extensions: readonly preview3.ControlExtension[];
  readonly lane: Lane;
  readonly lifecycle: SessionLifecycle;
  readonly submits: ClientSubmits;
  readonly requests: ClientRequests;
  readonly closing: SessionClosing;
  /** Packets of the session go there. */
  readonly router: SessionRouter;
  readonly operationFlow: OperationFlow;
  /** What only preview4 can say; calls of it throw in preview3. */
  readonly controls: ClientControls;
  private readonly flow: FlowSender;
  private flowEpoch = 0;

  /**
   * @param end - ends the session of the application
   * @param requireOpen - throws why the session of the application is over, when it is
   * @param before - the one that was lost: what waits there for its turn waits here
   */
  constructor(
    private readonly connection: ClientSessionConnection,
    readonly opened: OpenedSession,
    events: EventStreams<ClientSessionEvent>,
    end: (reason: NnrpError) => void,
    requireOpen: () => void,
    before?: ServedSession,
  ) {
    const { ack, extensions, open, maxInFlight, takenOver } = opened;
    const { sessionId } = ack;
    const firstEpoch = takenOver === undefined ? 0 : epochBehind(takenOver.ticket);
    const lane: Lane = ack.acceptedPriorityClass + 1;
    this.ack = ack;
    this.extensions = extensions;
    this.lane = lane;
    this.lifecycle = new SessionLifecycle(sessionId);
    this.flow = new FlowSender(ScopeKind.Session, 0n, firstEpoch);
    this.operationFlow = new OperationFlow(connection, sessionId, lane, firstEpoch);
    const controlled = {
      sessionId,
      lane,
      connection,
      dialect: connection.dialect,
      role: CLIENT_ROLE,
      requireOpen,
    };
    this.controls = new ClientControls(controlled);
    this.submits = new ClientSubmits(
      connection,
      sessionId,
      lane,
      boundedBy(maxInFlight, ack),
      open.defaultDeadlineMs,
      this.operationFlow,
      () => this.closeIfNothingInFlight(),
      before?.submits,
      connection.dialect.isPreview4 ? this.controls : undefined,
    );
    this.requests = new ClientRequests(connection, sessionId, lane);
    this.closing = new SessionClosing(connection, this.lifecycle, this.submits, lane, end);
    const { submits, requests, closing } = this;
    const parts = { sessionId, submits, requests, closing, events, controls: this.controls };
    this.router = new SessionRouter(connection, parts, lane, end);
    connection.attach(sessionId, this.router);
    if (takenOver !== undefined) takeOver(connection, this, takenOver);
  }

  /** The highest epoch of any FLOW_UPDATE of the session that was sent. */
  get highestFlowEpoch(): number {
    return Math.max(this.flowEpoch, this.operationFlow.highestEpoch);
  }

  /** Whether neither side has asked to close it. */
  get isOpen(): boolean {
    return this.closing.result === undefined && !this.closing.endsWithLastAnswer && this.submits.takesWork;
  }

  /** It is lost, and another one is to take its place: what waits for its turn waits for that. */
  lose(reason: NnrpError): void {
    this.submits.lose(reason);
    this.requests.end(reason, lostBeforeSent(reason));
  }

  tellFlow(flow: FlowFields): void {
    const { connection, ack, lane } = this;
    const update = this.flow.next(flow);
    this.flowEpoch = update.creditEpoch;
    connection.send(MessageType.FlowUpdate, ack.sessionId, 0, FLOW_UPDATE, update, undefined, lane);
  }

  /** Nothing, when the operation is of a session that was lost: its number may be that of another one by now. */
  tellOperationFlow(operation: ClientOperation, flow: FlowFields): void {
    if (operation.isOf(this.submits)) this.operationFlow.tell(operation, flow);
  }

  private closeIfNothingInFlight(): void {
    if (this.submits.nothingInFlight) this.closing.nothingInFlight();
  }
}

/** What the server grants, and no more than the application has asked for. */
function boundedBy(maxInFlight: number | undefined, ack: preview3.SessionOpenAck): preview3.SessionOpenAck {
  if (!maxInFlight) return ack;
  const { maxInFlightOperations: allowed } = ack;
  return allowed > 0 && allowed <= maxInFlight ? ack : { ...ack, maxInFlightOperations: maxInFlight };
}
