import { type FlowFields, SessionLostError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { observer } from '../../base/diagnostics/observer.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { SessionEndpoint } from '../../connection/session-endpoint.js';
import type { ResumableSession } from '../recovery/resumable-session.js';
import { ClientOperation } from '../results/client-operation.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import type { ClientSubmits } from '../submits/client-submits.js';
import type { OperationFlow } from '../submits/operation-flow.js';
import { MAX_FRAME_ID } from '../submits/submit-options.js';
import { HadPackets } from '../tickets/had-packets.js';
import type { Ticket, TicketFrame } from '../tickets/ticket.js';

/** How far the epochs of the next client are ahead: the one before may have used some after it made the ticket. */
const EPOCHS_AHEAD = 0x10000;
const LAST_EPOCH = 0xffffffff;

/** A session that another client had before. */
export interface TakenOver {
  readonly ticket: Ticket;
  /** Packets of its client that the server has received. */
  readonly position: number;
  /** Is given the operations that go on, or have failed, by frame. */
  taken(operations: ReadonlyMap<number, ClientOperation>, position: number): void;
}

/** The session, as far as it is needed to go on with it. */
export interface TakingSession {
  readonly ack: preview3.SessionOpenAck;
  readonly submits: ClientSubmits;
  readonly operationFlow: OperationFlow;
  readonly router: SessionEndpoint;
  tellFlow(flow: FlowFields): void;
}

/** The epoch behind which the next client begins to count. */
export function epochBehind({ flowEpoch }: Ticket): number {
  return Math.min(flowEpoch + EPOCHS_AHEAD, LAST_EPOCH);
}

/** Goes on with a session where its ticket says that another client was: before anything of it comes. */
export function takeOver(connection: ClientSessionConnection, session: TakingSession, takenOver: TakenOver): void {
  const { ticket, position, taken } = takenOver;
  const { submits, router } = session;
  const { sessionId } = session.ack;
  // Each packet that was sent behind the ticket may have been a submit.
  const behind = Math.max(0, position - ticket.sent);
  submits.highestFrameId = Math.min(ticket.highestFrameId + behind, MAX_FRAME_ID);
  submits.lastResultFrameId = ticket.lastResultFrameId;
  submits.ids?.goOnBehind(submits.highestFrameId);
  const place = connection.recovery?.sessions.get(sessionId);
  const from = place?.received ?? ticket.received;
  if (place !== undefined) {
    place.sent.lastSubmit = submits.highestFrameId;
    if (from < ticket.received) sendsAgain(connection, router, ticket, place);
  }
  if (ticket.flow !== undefined) submits.line.flowUpdated(ticket.flow);
  // The first packet of the session shows the server that its answer has come: from then on the ticket is good no longer.
  session.tellFlow({});
  const operations = new Map<number, ClientOperation>();
  for (const frame of ticket.frames) {
    const operation = goOn(connection, session, frame, from, takenOver);
    if (!frame.isCancelled) operations.set(frame.frameId, operation);
  }
  taken(operations, position);
}

/** The server sends once more what the client before had received. */
function sendsAgain(
  connection: ClientSessionConnection,
  router: SessionEndpoint,
  { frames, received }: Ticket,
  place: ResumableSession,
): void {
  const through = () => {
    place.had = undefined;
    connection.attach(place.sessionId, router);
  };
  const had = new HadPackets(router, frames, place, received, through);
  place.had = had;
  connection.attach(place.sessionId, had);
}

/** @param from - packets of the session behind which the server sends all */
function goOn(
  connection: ClientSessionConnection,
  { submits, operationFlow }: TakingSession,
  frame: TicketFrame,
  from: number,
  { ticket, position }: TakenOver,
): ClientOperation {
  const { frameId, operationId, submit, wasSent, isOver, deadlineMs } = frame;
  const textBefore = frame.isText ? frame.textTail : undefined;
  const words = submits.ids?.ofAnother(frameId, operationId);
  const operation = new ClientOperation(frameId, submits, deadlineMs, textBefore, words);
  const fails = (why: string, isRetryable: boolean) =>
    new SessionLostError(`frame ${frameId}: ${why}`, ticket.highestFrameId, { isRetryable });
  if (submit > position) {
    operation.fail(fails('its submit was lost with the client that made the ticket', true));
    return operation;
  }
  const isIncomplete = frame.unreadFrom > 0 && frame.unreadFrom <= from;
  const unread =
    'results that had come and were not read when the ticket was made are lost: the server has them no longer';
  if (isOver && isIncomplete) {
    operation.fail(fails(unread, false));
    return operation;
  }
  submits.operations.set(frameId, operation);
  observer?.start(operation, ticket.sessionId, 0);
  connection.flow.inFlight++;
  if (frame.isCancelled) operation.cancel();
  else if (isIncomplete) operation.giveUp(fails(unread, false));
  else if (!wasSent)
    operation.giveUp(fails('whether its submit has left after the ticket was made is not known', false));
  if (operation.isOver) return operation;
  if (deadlineMs > 0) {
    operation.graceMs = connection.config.deadlineGraceMs;
    connection.deadlines.add(operation, Math.min(Math.max(1, frame.leftMs) + operation.graceMs, MAX_TIMER_MS));
  }
  // The client before may have asked the server to hold it back.
  if (!isOver && connection.understands(preview3.PeerMessages.ErrorClosePing)) operationFlow.resume(operation);
  return operation;
}
