import type { NnrpError, ProtocolError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { DeadlineQueue } from '../../base/time/deadline-queue.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';
import type { PeerIdentity } from '../../transport/contract/peer-identity.js';
import type { ConnectionMemory } from '../bounds/server-memory.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { HandlerFailure, PeerErrorReport } from '../contract/server-events.js';
import type { ConnectionGate } from './connection-gate.js';
import type { RoomLine } from './room-line.js';

/** What a server's session needs of its connection besides sending. */
export interface ServerSessionConnection extends Omit<SessionConnection, 'attach'> {
  /** The server is closing: no new work. */
  readonly isDraining: boolean;
  /**
   * Whether the peer has shown that it knows more than the reference client of preview3: only then does it get what
   * that client would fail on (ERROR, RESULT_HINT, SESSION_CLOSE and the like) without having asked.
   */
  readonly knowsPeerMessages: boolean;
  /** Stands for the client where places for handlers are shared out: the connection that the session was opened on. */
  readonly origin: object;
  /** Whether the peer has said that it understands this. */
  understands(family: preview3.PeerMessages): boolean;
  readonly deadlines: DeadlineQueue;
  /** What the server bounds, to say that a bound was reached. */
  readonly bounds: ServerBounds;
  /** What its sessions share. */
  readonly memory: ConnectionMemory;
  /** The last round trip in milliseconds; undefined before the first PONG. */
  readonly roundTripMs: number | undefined;
  /** @returns the round trip in milliseconds */
  ping(timeoutMs: number): Promise<number>;
  readonly transportKind: string;
  readonly peerIdentity: PeerIdentity | undefined;
  /** Bytes that wait to be sent on it, or are kept while there is none. */
  readonly outboxBytes: number;
  /** What the client has said about the flow on the whole connection. */
  readonly gate: ConnectionGate;
  /** Results that wait because so much waits to be sent. */
  readonly room: RoomLine;
  /** Stops reading from the peer until `release`. */
  hold(): void;
  release(): void;
  /** Reports a broken rule to the application. */
  report(sessionId: number, error: ProtocolError): void;
  /** Tells the application what the client has reported. */
  peerReported(report: PeerErrorReport): void;
  /** Reports to the application that it has failed at a frame. */
  handlerFailed(failure: HandlerFailure): void;
  /** SESSION_CLOSE has gone out: what the client sends for the session until it confirms is no fault. */
  closeSent(sessionId: number): void;
  /** The client's own close is confirmed: what it has sent for the session before it reads that is no fault either. */
  closeConfirmed(sessionId: number): void;
  /** The session takes no more packets, and its id is free. */
  sessionEnded(sessionId: number): void;
  /** The connection is over. @returns whether the session outlives it, and waits to be resumed */
  outlivedBy(session: object, error: NnrpError): boolean;
  /** No operation of the session is in flight any more. */
  answered(): void;
}
