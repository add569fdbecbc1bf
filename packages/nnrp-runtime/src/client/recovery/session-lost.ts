import { isNnrpError, type NnrpError, type PeerError, SessionLostError, TransportError } from 'nnrp-core';
import type { ResumableSession } from './resumable-session.js';

/** The server refuses to resume it. */
export function refusedResume(session: ResumableSession, refusal: PeerError): SessionLostError {
  const { wireCode, retryAfterMs } = refusal;
  const text = `session ${session.sessionId} was lost with its connection: ${refusal.rawMessage}`;
  return lost(session, text, { wireCode, retryAfterMs, cause: refusal });
}

/** The server was not asked for it: it knew nothing of others of the same connection. @param why - what it said of those */
export function refusedLikeOthers(session: ResumableSession, why: NnrpError): SessionLostError {
  const text = `session ${session.sessionId} was lost with its connection, like the others of it: ${why.rawMessage}`;
  return lost(session, text, { cause: why });
}

/** The server has opened a new session in its place, or goes on with it elsewhere than this side was: another client had it. */
export function replacedSession(session: ResumableSession): SessionLostError {
  const text = `session ${session.sessionId} was lost with its connection: another one is in its place`;
  return lost(session, text, {});
}

/** Its time is over. @param why - what the last attempt has failed with, or the connection */
export function windowOver(session: ResumableSession, why: NnrpError): SessionLostError {
  const { sessionId, windowMs } = session;
  const text = `session ${sessionId} was lost with its connection, and not resumed within ${windowMs} ms: ${why.rawMessage}`;
  return lost(session, text, { cause: why });
}

/** This side gives it up before it was resumed. @param why - such as a close that could not be confirmed */
export function givenUp(session: ResumableSession, why: NnrpError): SessionLostError {
  const text = `session ${session.sessionId} was given up while its connection was lost: ${why.rawMessage}`;
  return lost(session, text, { cause: why });
}

/**
 * The client opens its sessions anew.
 *
 * @param lastFrameId - the last frame whose submit may have left
 * @param why - the connection was lost
 */
export function lostAtOnce(sessionId: number, lastFrameId: number, why: NnrpError): SessionLostError {
  return new SessionLostError(`session ${sessionId} was lost with its connection: ${why.rawMessage}`, lastFrameId, {
    cause: why,
  });
}

/** No other session has taken its place. @param loss - why it was lost @param why - it could not be opened again */
export function neverOpenedAgain(sessionId: number, loss: NnrpError, why: NnrpError): SessionLostError {
  const lastSentFrameId = isNnrpError(loss, 'NNRP_ERR_SESSION_LOST') ? loss.lastSentFrameId : 0;
  const text = `session ${sessionId} was lost with its connection, and could not be opened again: ${why.rawMessage}`;
  const { wireCode, retryAfterMs } = why;
  return new SessionLostError(text, lastSentFrameId, { wireCode, retryAfterMs, cause: why });
}

/** What a client ends with that has no session any more. @param cause - why the last one was lost */
export function neverResumed(remoteAddress: string, cause: NnrpError): TransportError {
  const text = `${remoteAddress}: the connection was lost and could not be resumed: ${cause.rawMessage}`;
  return new TransportError(text, { cause });
}

function lost({ sent }: ResumableSession, text: string, options: ConstructorParameters<typeof SessionLostError>[2]) {
  return new SessionLostError(text, sent.lastSubmit, options);
}

/** How one frame ends whose session is lost; undefined for any other reason. */
export function lostFrame(frameId: number, reason: NnrpError): SessionLostError | undefined {
  if (!isNnrpError(reason, 'NNRP_ERR_SESSION_LOST')) return undefined;
  const isUnseen = frameId > reason.lastSentFrameId;
  const known = isUnseen ? 'its submit was not sent' : 'whether its work was done is not known';
  return ofSession(reason, `frame ${frameId}: ${known}: ${reason.rawMessage}`, isUnseen);
}

/** How a submit ends that waits for its turn in a session that is lost; any other reason is handed back. */
export function lostBeforeSent(reason: NnrpError): NnrpError {
  if (!isNnrpError(reason, 'NNRP_ERR_SESSION_LOST')) return reason;
  return ofSession(reason, reason.rawMessage, true);
}

function ofSession(reason: SessionLostError, text: string, isRetryable: boolean): SessionLostError {
  const { lastSentFrameId, wireCode, retryAfterMs } = reason;
  return new SessionLostError(text, lastSentFrameId, { wireCode, retryAfterMs, isRetryable, cause: reason });
}
