import { ErrorScope, PeerMessages } from 'nnrp-core/preview3';
import type { AnsweredRequest } from '../../connection/errors/error-details.js';
import type { Lane } from '../../connection/sending/outbox.js';
import type { FrameFailure } from '../failures/frame-failure.js';
import type { ServerSessionConnection } from '../operation/server-session-connection.js';

/** The session that a request of a client belongs to, as far as its answer needs it. */
export interface RequestSession {
  readonly sessionId: number;
  readonly lane: Lane;
  readonly connection: Pick<
    ServerSessionConnection,
    'send' | 'sendError' | 'understands' | 'bounds' | 'memory' | 'hold' | 'release'
  >;
}

/** Says by an ERROR that a request has failed. @returns false when the client does not understand that, and gets none */
export function answeredByError(session: RequestSession, answers: AnsweredRequest, failure: FrameFailure): boolean {
  const { sessionId, lane, connection } = session;
  if (!connection.understands(PeerMessages.ErrorDetails)) return false;
  const { wireCode, text, retryAfterMs, details } = failure;
  const options = { sessionId, lane, retryAfterMs, details: { ...details, answers } };
  connection.sendError(wireCode, ErrorScope.Session, text, options);
  return true;
}
