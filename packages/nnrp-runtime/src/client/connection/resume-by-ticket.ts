import { UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { concatBytes, EMPTY_BYTES } from '../../base/bytes.js';
import { ownBytes } from '../../connection/body/body-bytes.js';
import { needsPreview4, preview4Words } from '../../connection/controls/loaded-preview4.js';
import { positionEntry } from '../../connection/recovery/position-entry.js';
import { sessionOpen } from '../contract/client-config.js';
import { type ResumeSessionOptions, resumeSessionOptions } from '../contract/resume-session-options.js';
import { type Announcing, sessionExtensions } from '../hello/client-announcement.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { NnrpClientSession } from '../session/client-session.js';
import { readUpTo, type Ticket } from '../tickets/ticket.js';
import { readTicket } from '../tickets/ticket-text.js';
import { openByToken } from './open-words.js';
import type { ByTicket, OpeningConnection, OpenRequest, SessionOpening } from './session-opening.js';

/** A session that another client has had, and what it had in progress. */
export interface ResumedSession {
  readonly session: NnrpClientSession;
  /**
   * The operations of the ticket by frame id: those without their last answer, and those with results that were not read. Each goes
   * on where the other client has stopped reading. One whose submit was lost with that client has failed with SessionLostError,
   * and is retryable; so has, not retryable, one of which the server has not kept everything.
   */
  readonly operations: ReadonlyMap<number, ClientOperation>;
  /** Packets of the other client that the server has not got, such as submits, cancels and patches. */
  readonly lostPackets: number;
}

/** What resuming by a ticket needs of the connection. */
export type TicketConnection = Pick<OpeningConnection, 'config' | 'recovery' | 'hasSession' | 'dialect'> & {
  readonly opens: SessionOpening;
};

/** @throws UsageError when it is no ticket, or the client cannot resume it */
export async function resumeByTicket(
  connection: TicketConnection,
  text: string | Uint8Array,
  options: ResumeSessionOptions,
): Promise<ResumedSession> {
  if (ArrayBuffer.isView(text)) return resumeByToken(connection, text, options);
  const ticket = readTicket(text);
  const { signal, auth, extensions } = completeResume(options, connection.config);
  checkClient(connection, ticket.sessionId);
  const sessionExtensionBytes = extensions.length;
  const open = { ...ticket.open, authBytes: auth.length, sessionExtensionBytes };
  const request: OpenRequest = { open, body: concatBytes([auth, extensions]), maxInFlight: ticket.maxInFlight };
  let operations: ReadonlyMap<number, ClientOperation> = new Map();
  let lostPackets = 0;
  const taken: ByTicket['taken'] = (found, position) => {
    operations = found;
    lostPackets = Math.max(0, ticket.sent - position);
  };
  const byTicket = { ...resumeOpen(ticket, open, auth, extensions), ticket, taken };
  const session = await connection.opens.resume(request, byTicket, signal);
  return Object.freeze({ session, operations, lostPackets });
}

/** On a server that is none of this library, where nothing goes on but the session. @throws UsageError, WireError when it is no ticket */
async function resumeByToken(
  connection: TicketConnection,
  bytes: Uint8Array,
  options: ResumeSessionOptions,
): Promise<ResumedSession> {
  const { signal } = resumeSessionOptions(options);
  if (!connection.dialect.isPreview4) throw needsPreview4();
  const { sessionId, token } = preview4Words().decodeRecoveryTicket(bytes);
  if (connection.hasSession(sessionId))
    throw new UsageError(`resumeSession: this client has session ${sessionId} itself`);
  const request = openByToken({ open: sessionOpen({}), body: EMPTY_BYTES }, sessionId, token);
  const session = await connection.opens.openByToken({ ...request, maxInFlight: undefined }, signal);
  return Object.freeze({ session, operations: new Map(), lostPackets: 0 });
}

/** What the request to resume carries besides the ticket. */
export interface CompleteResume {
  readonly signal: AbortSignal | undefined;
  readonly auth: Uint8Array;
  readonly extensions: Uint8Array;
}

/** All of it now: the application may wipe a token afterwards. @throws UsageError on an option that does not exist or fit */
export function completeResume(options: ResumeSessionOptions, config: Announcing): CompleteResume {
  const { signal, auth = '', extensions } = resumeSessionOptions(options);
  return { signal, auth: ownBytes(auth, 'auth'), extensions: sessionExtensions(config, extensions) };
}

/** The SESSION_OPEN that is sent: the server is to send all that was not read, and has at least all that had not arrived. */
function resumeOpen(ticket: Ticket, open: preview3.SessionOpen, auth: Uint8Array, extensions: Uint8Array) {
  const { sessionId, token, received } = ticket;
  const own = preview3.encodeControlExtensions([
    positionEntry(preview3.RESUME_POSITION_EXTENSION, readUpTo(ticket)),
    positionEntry(preview3.RESUME_TICKET_EXTENSION, received),
  ]);
  const lengths = { resumeTokenBytes: token.length, sessionExtensionBytes: extensions.length + own.length };
  const sessionFlags = open.sessionFlags | preview3.SessionFlags.AllowResume;
  return {
    open: { ...open, ...lengths, sessionFlags, requestedSessionId: sessionId },
    body: concatBytes([token, auth, extensions, own]),
  };
}

/** @throws UsageError when the client cannot resume this session */
function checkClient(connection: TicketConnection, sessionId: number): void {
  const { reconnect } = connection.config;
  if (reconnect !== 'resume') throw new UsageError(`resumeSession: reconnect of this client is '${reconnect}'`);
  if (connection.recovery === undefined) {
    throw new UsageError('resumeSession: this client was not told how to connect, or does not announce itself');
  }
  if (connection.hasSession(sessionId))
    throw new UsageError(`resumeSession: this client has session ${sessionId} itself`);
}
