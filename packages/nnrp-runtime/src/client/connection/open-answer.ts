import { describeFault, type IdMap, type Packet, SessionLostError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { SessionFlags } from 'nnrp-core/preview3';
import { extensionsOf } from '../../connection/announcement.js';
import { positionIn } from '../../connection/recovery/position-entry.js';
import type { Dialect } from '../../connection/revision/dialect.js';
import { bodyMismatch } from '../failures/peer-error.js';
import { unknownCritical } from '../hello/client-announcement.js';
import type { Ticket } from '../tickets/ticket.js';

/** What an acknowledgement is compared with. */
interface AnsweredConnection {
  readonly dialect: Dialect;
  /** Whether the server is one of this library. */
  readonly isAnnounced: boolean;
  hasSession(sessionId: number): boolean;
  /** Sessions that can be resumed. */
  readonly recovery?: { readonly sessions: Pick<IdMap<unknown>, 'has'> } | undefined;
}

/** What an acknowledgement must agree with: its own header, the request, and the rules of recovery. */
export function mismatchOf(
  open: preview3.SessionOpen,
  ack: preview3.SessionOpenAck,
  packet: Packet,
  connection: AnsweredConnection,
): string | undefined {
  const installed = preview3.openAckOutcome(ack);
  if (installed.outcome === 'fault') return describeFault(installed.fault);
  const recovery = preview3.recoveryOutcome(open, ack);
  if (recovery.outcome === 'fault') return describeFault(recovery.fault);
  if (packet.sessionId !== ack.sessionId) {
    return `header session ${packet.sessionId}, metadata session ${ack.sessionId}`;
  }
  if (installed.outcome === 'not_installed') return undefined;
  if (open.requestedSessionId !== 0 && ack.sessionId !== open.requestedSessionId) {
    return `asked for session ${open.requestedSessionId}, got ${ack.sessionId}`;
  }
  if (connection.hasSession(ack.sessionId)) return `session ${ack.sessionId} exists already`;
  const isForeign = connection.dialect.isPreview4 && !connection.isAnnounced;
  if (recovery.outcome === 'resumed' && !isForeign && !connection.recovery?.sessions.has(ack.sessionId))
    return 'a session that is resumed without a new token, or without a position';
  const tokenBytes = tokenBytesIn(ack, packet);
  return (
    bodyMismatch('it', tokenBytes + ack.sessionExtensionBytes, packet.bodyLength)?.rawMessage ??
    unknownCritical(extensionsOf(packet.body.subarray(tokenBytes)))
  );
}

/** Asks for a token. Flags that are none are refused when they are encoded. */
export function resumable(open: preview3.SessionOpen): preview3.SessionOpen {
  const { sessionFlags } = open;
  return sessionFlags >>> 0 === sessionFlags
    ? { ...open, sessionFlags: sessionFlags | SessionFlags.AllowResume }
    : open;
}

/** Packets of its client that the server of a session has received. */
export function positionOf(extensions: readonly preview3.ControlExtension[]): number {
  return Math.max(0, positionIn(extensions, preview3.RESUME_POSITION_EXTENSION) ?? 0);
}

export function unknownSession({ sessionId, highestFrameId }: Ticket): SessionLostError {
  return new SessionLostError(`the server knows nothing of session ${sessionId} any more`, highestFrameId);
}

/** Servers that cannot resume announce the length of a token, and send none. */
export function tokenBytesIn(
  { resumeTokenBytes, sessionExtensionBytes }: preview3.SessionOpenAck,
  packet: Packet,
): number {
  return packet.bodyLength === sessionExtensionBytes ? 0 : resumeTokenBytes;
}
