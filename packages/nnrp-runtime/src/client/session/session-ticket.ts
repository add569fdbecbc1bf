import { type NnrpError, UsageError } from 'nnrp-core';
import type { ResumableSession } from '../recovery/resumable-session.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import { ticketFrames } from '../submits/ticket-frames.js';
import { MAX_TICKET_FRAMES } from '../tickets/ticket-bytes.js';
import { ticketText } from '../tickets/ticket-text.js';
import type { ServedSession } from './served-session.js';

/**
 * Where the session is now, for another client to go on from.
 *
 * @param end - why the session is over, or lost and not open again; undefined while it is open
 * @throws UsageError when it cannot be resumed
 */
export function sessionTicket(
  connection: ClientSessionConnection,
  session: ServedSession,
  end: NnrpError | undefined,
): string {
  const { ack, opened, submits } = session;
  const { sessionId } = ack;
  const resumable = resumableOf(connection, session, end);
  const frames = ticketFrames(submits, resumable);
  if (frames.length > MAX_TICKET_FRAMES) {
    throw noTicket(sessionId, `it has ${frames.length} operations, and a ticket holds ${MAX_TICKET_FRAMES}`);
  }
  return ticketText({
    sessionId,
    token: resumable.token,
    received: resumable.had?.upTo ?? resumable.received,
    sent: resumable.sent.packets,
    highestFrameId: submits.highestFrameId,
    lastResultFrameId: submits.lastResultFrameId,
    flowEpoch: session.highestFlowEpoch,
    open: { ...opened.open, resumeTokenBytes: 0, authBytes: 0, sessionExtensionBytes: 0 },
    maxInFlight: opened.maxInFlight,
    flow: submits.line.flowSaid,
    address: connection.remoteAddress,
    frames,
  });
}

function resumableOf(
  { recovery, config }: ClientSessionConnection,
  { ack, isOpen }: ServedSession,
  end: NnrpError | undefined,
): ResumableSession {
  const { sessionId } = ack;
  if (end !== undefined) throw noTicket(sessionId, `it is not open: ${end.rawMessage}`);
  if (!isOpen) throw noTicket(sessionId, 'it is being closed');
  const resumable = recovery?.sessions.get(sessionId);
  if (resumable !== undefined) return resumable;
  if (config.reconnect !== 'resume') throw noTicket(sessionId, `reconnect of its client is '${config.reconnect}'`);
  if (recovery === undefined)
    throw noTicket(sessionId, 'its client was not told how to connect, or does not announce itself');
  throw noTicket(sessionId, 'the server has given no token for it: it does not resume sessions');
}

function noTicket(sessionId: number, why: string): UsageError {
  return new UsageError(`session ${sessionId} gives no ticket: ${why}`);
}
