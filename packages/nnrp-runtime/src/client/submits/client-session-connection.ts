import type { IdMap, MessageInfo, NnrpError, Packet, PeerError, ProtocolError, WireFault } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { DeadlineQueue } from '../../base/time/deadline-queue.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';
import type { TransportKind } from '../../transport/contract/contract.js';
import type { NnrpClientConfig } from '../contract/client-config.js';
import type { ResumableSession } from '../recovery/resumable-session.js';
import type { ReadGate } from '../results/read-gate.js';
import type { ConnectionFlow } from './connection-flow.js';

/** What a client's session needs of its connection besides sending. */
export interface ClientSessionConnection extends SessionConnection {
  readonly config: NnrpClientConfig;
  /** There when sessions are to outlive the connection: those that can be resumed. */
  readonly recovery?: { readonly sessions: IdMap<ResumableSession> } | undefined;
  readonly transportKind: TransportKind;
  /** Whether the server has said that it understands this. */
  understands(family: preview3.PeerMessages): boolean;
  readonly flow: ConnectionFlow;
  /** Of the operations of all sessions. */
  readonly deadlines: DeadlineQueue;
  /** Whether so much waits to be sent that no more work may be added. */
  readonly isOverfull: boolean;
  /** Whether so much is held for requests, and so much else waits to be sent, that no request may be added. */
  readonly isFullOfRequests: boolean;
  /** So many bytes are held for requests that wait for their turn; less than 0 when they do not any more. */
  requestsRetain(bytes: number): void;
  /** An answer to what the server has sent waits, so many bytes of it. */
  answerWaits(bytes: number): void;
  /** What is read, and what is not yet: requests say when they wait for an answer. */
  readonly unread: ReadGate;
  /**
   * What becomes of the operations of a session that is given up while there is no connection; undefined while there is one.
   * @param error - why it is given up
   */
  lossOf(sessionId: number, error: NnrpError): NnrpError | undefined;
  /** Whether there is no connection, and another one is to come. */
  readonly isAway: boolean;
  /** Reports a message that belongs to nothing this client waits for. */
  stray(packet: Packet, info: MessageInfo): void;
  /** SESSION_OPEN_ACK that names this session: an answer about another one, or a second answer. */
  openAnswered(packet: Packet, info: MessageInfo, fault?: WireFault): void;
  peerReported(error: PeerError, sessionId: number): void;
  violation(error: ProtocolError, sessionId: number): void;
}
