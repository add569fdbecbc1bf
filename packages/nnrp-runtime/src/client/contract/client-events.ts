import type { FlowOutcome, MessageInfo, NnrpError, Packet, PeerError, ProtocolError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { InternalError } from '../../base/internal-error.js';
import type { UnreadShare } from '../results/read-gate.js';
import { bytesOfError, EVENT_BYTES, keptPacket } from './kept-events.js';
import type { MigrationReport } from './migration.js';
import type { ReopenReport, ResumeReport } from './resume-report.js';

/** What a client reports besides results. Listening is optional; nothing is thrown without a listener. */
export interface NnrpClientEvents {
  /** A message that belongs to nothing this client waits for; it has no other effect. */
  stray: [{ readonly packet: Packet; readonly message: MessageInfo }];
  /**
   * The server reported a failure (ERROR); `sessionId` 0 = the connection. It tells also of those that say why one frame was
   * dropped, whose operation fails with a code of its own: count failed operations there.
   */
  peerError: [{ readonly error: PeerError; readonly sessionId: number }];
  /** The server broke a rule. */
  protocolViolation: [{ readonly error: ProtocolError; readonly sessionId: number }];
  /** The server limits work on the whole connection; `outcome` says whether the update counted. */
  flowUpdate: [{ readonly update: preview3.FlowUpdate; readonly outcome: FlowOutcome }];
  /**
   * So many results wait unread that the connection is not read any more, for any session, until some of them are: see
   * `maxBufferedResultBytes`. `most` is where most of them wait; at most once a second.
   */
  readingPaused: [{ readonly unreadBytes: number; readonly most: UnreadShare }];
  /**
   * A defect: the client's own code has thrown, or a listener of the application has. The connection of a defect is over;
   * a listener that throws costs nothing. Without a listener of this event it is a warning of the process.
   */
  internalError: [InternalError];
  /** The connection is lost; the client connects again, and sessions that can be resumed wait. */
  suspended: [{ readonly error: NnrpError }];
  /** The connection is there again, and its sessions go on, if there are any. */
  resumed: [ResumeReport];
  /** The sessions go on over another transport, as `migrate` has asked for. */
  migrated: [MigrationReport];
  /** A session was lost with its connection: its operations have failed with the same error. Then it is opened again. */
  lost: [{ readonly sessionId: number; readonly error: NnrpError }];
  /** A session that was lost has another one of the server in its place: the same object goes on. */
  reopened: [ReopenReport];
  /** The connection is over. */
  closed: [NnrpError];
}

/** The names of all events. */
export const CLIENT_EVENTS = Object.keys({
  stray: true,
  peerError: true,
  protocolViolation: true,
  flowUpdate: true,
  readingPaused: true,
  internalError: true,
  suspended: true,
  resumed: true,
  migrated: true,
  lost: true,
  reopened: true,
  closed: true,
} satisfies Record<keyof NnrpClientEvents, true>) as (keyof NnrpClientEvents)[];

/** The events of a client in one stream, each with its name as `type`. */
export type NnrpClientEvent =
  | ({ readonly type: 'stray' } & NnrpClientEvents['stray'][0])
  | ({ readonly type: 'peerError' } & NnrpClientEvents['peerError'][0])
  | ({ readonly type: 'protocolViolation' } & NnrpClientEvents['protocolViolation'][0])
  | ({ readonly type: 'flowUpdate' } & NnrpClientEvents['flowUpdate'][0])
  | ({ readonly type: 'readingPaused' } & NnrpClientEvents['readingPaused'][0])
  | ({ readonly type: 'internalError' } & NnrpClientEvents['internalError'][0])
  | ({ readonly type: 'suspended' } & NnrpClientEvents['suspended'][0])
  | ({ readonly type: 'resumed' } & NnrpClientEvents['resumed'][0])
  | ({ readonly type: 'migrated' } & NnrpClientEvents['migrated'][0])
  | ({ readonly type: 'lost' } & NnrpClientEvents['lost'][0])
  | ({ readonly type: 'reopened' } & NnrpClientEvents['reopened'][0])
  | { readonly type: 'closed'; readonly error: NnrpError };

/** What a connection reports to. */
export interface ClientConnectionEvents {
  stray(packet: Packet, info: MessageInfo): void;
  peerError(error: PeerError, sessionId: number): void;
  protocolViolation(error: ProtocolError, sessionId: number): void;
  flowUpdate(update: preview3.FlowUpdate, outcome: FlowOutcome): void;
  readingPaused(unreadBytes: number, most: UnreadShare): void;
  internalError(error: unknown): void;
  suspended(error: NnrpError): void;
  resumed(report: ResumeReport): void;
  migrated(report: MigrationReport): void;
  lost(sessionId: number, error: NnrpError): void;
  reopened(report: ReopenReport): void;
  closed(error: NnrpError): void;
}

/** Bytes that an event holds as long as it waits. */
export function clientEventBytes(event: NnrpClientEvent): number {
  switch (event.type) {
    case 'stray':
      return EVENT_BYTES + event.packet.settledBytes;
    case 'peerError':
    case 'protocolViolation':
    case 'suspended':
    case 'lost':
      return EVENT_BYTES + bytesOfError(event.error);
    case 'reopened':
      return EVENT_BYTES + bytesOfError(event.reason);
    default:
      return EVENT_BYTES;
  }
}

/** The event as it may wait: what it brings is moved out of a chunk of which it needs little. */
export function keptClientEvent(event: NnrpClientEvent): NnrpClientEvent {
  return event.type === 'stray' ? { ...event, packet: keptPacket(event.packet) } : event;
}
