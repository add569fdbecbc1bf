import type { SessionOpenTerms } from 'nnrp-core';
import type { ApplicationContext } from '../../base/application/application-context.js';
import type { DeadlineQueue } from '../../base/time/deadline-queue.js';
import type { ServerMemory } from '../bounds/server-memory.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type {
  ConnectionLost,
  HandlerFailure,
  PeerErrorReport,
  ProtocolViolation,
  SessionRefused,
} from '../contract/server-events.js';
import type { Admission } from '../opening/admission.js';
import type { ResumableSessions } from '../recovery/resumable-sessions.js';
import type { SessionCore } from '../session/session-core.js';
import type { SessionTable } from './session-table.js';

/** What a connection needs of its server. */
export interface ServerConnectionOwner<Connection> {
  readonly config: NnrpServerConfig;
  readonly bounds: ServerBounds;
  readonly admission: Admission;
  /** What all connections share. */
  readonly memory: ServerMemory;
  readonly terms: SessionOpenTerms;
  readonly table: SessionTable<SessionCore>;
  /** Sessions that can be resumed. */
  readonly resumables: ResumableSessions;

  readonly deadlines: DeadlineQueue;
  /** Where the application handed its policy over. */
  readonly policyContext: ApplicationContext;
  isDraining(): boolean;
  sessionOpened(core: SessionCore): void;
  sessionEnded(core: SessionCore): void;
  sessionRefused(refusal: SessionRefused): void;
  protocolViolation(violation: ProtocolViolation): void;
  peerReported(report: PeerErrorReport): void;
  internalError(error: unknown, remoteAddress: string): void;
  handlerFailed(failure: HandlerFailure): void;
  connectionEnded(loss: ConnectionLost): void;
  /** The connection is over, but its transport may not be: it has to send what is left, and the peer to end its side. */
  connectionClosing(connection: Connection): void;
  /** Its transport is gone as well: nothing may be held for the connection any more. */
  connectionGone(connection: Connection): void;
}
