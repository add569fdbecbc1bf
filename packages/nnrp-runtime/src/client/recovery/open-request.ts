import { checkPacket, describeFault, type MessageInfo, type Packet, PREVIEW3 } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType, PeerMessages } from 'nnrp-core/preview3';
import { concatBytes } from '../../base/bytes.js';
import { announcedFamilies, extensionsOf } from '../../connection/announcement.js';
import type { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import { positionEntry, positionIn } from '../../connection/recovery/position-entry.js';
import { canResume } from '../../connection/recovery/resume-grant.js';
import { unknownCritical } from '../hello/client-announcement.js';
import { ownPacket, readable } from './kept-packet.js';
import { type OpenRequest, ResumableSession, type ResumeGrant } from './resumable-session.js';

const RESUME_EXTENSIONS: ReadonlySet<number> = new Set([
  preview3.RESUME_POSITION_EXTENSION,
  preview3.RESUME_TICKET_EXTENSION,
]);

/** What an acknowledgement says of recovery. */
export type ResumeAnswer =
  | {
      readonly outcome: 'resumed';
      readonly grant: ResumeGrant;
      readonly position: number;
      /** Packets of the session behind which the server goes on, where it says so. */
      readonly from: number | undefined;
    }
  | {
      readonly outcome: 'opened' | 'refused';
      readonly ack: preview3.SessionOpenAck;
      readonly extensions: readonly preview3.ControlExtension[];
    }
  | { readonly outcome: 'broken'; readonly text: string };

/** @param packet - SESSION_OPEN of this client's own */
function openRequest(packet: LoggedPacket): OpenRequest {
  const { view, metadataStart } = readable(packet);
  const { body } = packet;
  const open = preview3.decodeSessionOpen(view, metadataStart);
  const extensionsAt = open.resumeTokenBytes + open.authBytes;
  const extensions = preview3.decodeControlExtensions(body.subarray(extensionsAt));
  return { open, auth: body.subarray(open.resumeTokenBytes, extensionsAt), extensions };
}

/** The session that an acknowledgement brings, when it can be resumed: a new one, or one that another client had before. */
export function openedSession(request: LoggedPacket, packet: Packet): ResumableSession | undefined {
  const asked = openRequest(request);
  const { sessionId } = packet;
  if (asked.open.resumeTokenBytes === 0) {
    const grant = resumeGrant(asked, packet);
    return grant && new ResumableSession(sessionId, asked, grant);
  }
  const answer = resumeAnswer(asked.open, packet);
  if (answer.outcome !== 'resumed') return undefined;
  // Those are of this resume alone.
  const extensions = asked.extensions.filter(({ type }) => !RESUME_EXTENSIONS.has(type));
  const session = new ResumableSession(sessionId, { ...asked, extensions }, answer.grant);
  session.goOnFrom(wentOnFrom(asked.extensions, answer.from), answer.position);
  return session;
}

/** @param from - what the server says */
function wentOnFrom(extensions: readonly preview3.ControlExtension[], from: number | undefined): number {
  const least = positionIn(extensions, preview3.RESUME_POSITION_EXTENSION) ?? 0;
  const most = positionIn(extensions, preview3.RESUME_TICKET_EXTENSION) ?? least;
  // It leaves out what it was told that it may, and no more.
  return from === undefined ? least : Math.min(Math.max(from, least), most);
}

/** The SESSION_OPEN that asks for the session once more, with all that the first one said. */
export function resumeRequest(session: ResumableSession): {
  readonly open: preview3.SessionOpen;
  packet: LoggedPacket;
} {
  const { sessionId, token, received, request } = session;
  const { auth } = request;
  const position = positionEntry(preview3.RESUME_POSITION_EXTENSION, received);
  const block = preview3.encodeControlExtensions([...request.extensions, position]);
  const open: preview3.SessionOpen = {
    ...request.open,
    requestedSessionId: sessionId,
    sessionFlags: request.open.sessionFlags | preview3.SessionFlags.AllowResume,
    resumeTokenBytes: token.length,
    authBytes: auth.length,
    sessionExtensionBytes: block.length,
  };
  const metadata = new Uint8Array(preview3.SESSION_OPEN_BYTES);
  preview3.encodeSessionOpen(open, new DataView(metadata.buffer), 0);
  return { open, packet: ownPacket(MessageType.SessionOpen, 0, metadata, concatBytes([token, auth, block])) };
}

/**
 * Whether an acknowledgement opens a session that can be resumed: the server has announced that it knows how, and its
 * token is there. Servers that do not know how announce the length of a token, and send none.
 */
function resumeGrant({ open }: OpenRequest, packet: Packet): ResumeGrant | undefined {
  const read = readAck(open, packet);
  if (typeof read === 'string' || read.outcome !== 'resume_enabled') return undefined;
  const families = announcedFamilies(read.extensions) ?? 0;
  return (families & PeerMessages.Recovery) === 0 ? undefined : read.grant;
}

/**
 * @param open - the request that it answers, see {@link resumeRequest}
 * @param session - that is to be resumed: one of another profile or schema is a new one in its place
 */
export function resumeAnswer(open: preview3.SessionOpen, packet: Packet, session?: ResumableSession): ResumeAnswer {
  const read = readAck(open, packet);
  if (typeof read === 'string') return { outcome: 'broken', text: read };
  const { ack, extensions, grant } = read;
  const isAnother = session !== undefined && grant !== undefined && grant.terms !== session.terms;
  if (ack.sessionStatus === preview3.SessionStatus.Opened || isAnother) return { outcome: 'opened', ack, extensions };
  if (ack.sessionStatus !== preview3.SessionStatus.Resumed) return { outcome: 'refused', ack, extensions };
  const position = positionIn(extensions, preview3.RESUME_POSITION_EXTENSION);
  if (ack.sessionId !== open.requestedSessionId) {
    return broken(`asked for session ${open.requestedSessionId}, got ${ack.sessionId}`);
  }
  const unknown = unknownCritical(extensions);
  if (unknown !== undefined) return broken(unknown);
  if (grant === undefined || position === undefined || position < 0)
    return broken('a session that is resumed without a new token, or without a position');
  return { outcome: 'resumed', grant, position, from: positionIn(extensions, preview3.RESUME_TICKET_EXTENSION) };
}

/** @returns text on a rule that it breaks */
function readAck(open: preview3.SessionOpen, packet: Packet) {
  const fault = checkPacket(packet, PREVIEW3.messageInfo(MessageType.SessionOpenAck) as MessageInfo, PREVIEW3);
  if (fault !== undefined) return describeFault(fault);
  const ack = preview3.decodeSessionOpenAck(packet.view, packet.metadataStart);
  const recovery = preview3.recoveryOutcome(open, ack);
  if (recovery.outcome === 'fault') return describeFault(recovery.fault);
  const { body } = packet;
  const { outcome, windowMs } = recovery;
  const isComplete = body.length === ack.resumeTokenBytes + ack.sessionExtensionBytes;
  const tokenBytes = isComplete ? ack.resumeTokenBytes : 0;
  const extensions = extensionsOf(body.subarray(tokenBytes));
  const terms = [ack.acceptedProfileId, ack.schemaId, ack.schemaVersion].join();
  // In memory of its own: what arrived with it must not be kept for it.
  const grant = canResume(tokenBytes, windowMs)
    ? { token: new Uint8Array(body.subarray(0, tokenBytes)), windowMs, terms }
    : undefined;
  return { ack, outcome, extensions, grant };
}

function broken(text: string): ResumeAnswer {
  return { outcome: 'broken', text };
}
