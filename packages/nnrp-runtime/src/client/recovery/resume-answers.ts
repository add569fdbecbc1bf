import type { IdMap, NnrpError, Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { type Guarded, later } from '../../base/guard.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { readRefusal } from '../../connection/errors/open-refusal.js';
import { refusalOf } from '../failures/refused-open.js';
import { backoffMs } from './backoff.js';
import { ownPacket } from './kept-packet.js';
import type { AskedOpen, LiveLink } from './live-link.js';
import { type ResumeAnswer, resumeAnswer, resumeRequest } from './open-request.js';
import type { ResumableSession } from './resumable-session.js';
import { refusedResume, replacedSession } from './session-lost.js';

/** Sessions that are asked to retry are spread over so many times the first backoff. */
const SPREAD = 3;

/** What asking for sessions again needs of the transport that it is a part of. */
export interface ResumingParts extends Guarded {
  readonly link: LiveLink | undefined;
  readonly sessions: IdMap<ResumableSession>;
  readonly settings: { readonly reconnectBackoffMs: number };
  /** @param packets - that were sent to it, which the server had not got */
  sessionResumed(session: ResumableSession, packets: number): void;
  sessionLost(session: ResumableSession, error: NnrpError): void;
  /** The server broke a rule. */
  ruleBroken(text: string): void;
}

type Resumed = Extract<ResumeAnswer, { readonly outcome: 'resumed' }>;

/** Asks for the sessions of a connection that was lost, on another one, and reads the answers. */
export class ResumeAnswers {
  private readonly asked = new Set<ResumableSession>();
  private readonly retries = new Set<NodeJS.Timeout>();

  constructor(private readonly owner: ResumingParts) {}

  /** Whether an answer is awaited. */
  get isPending(): boolean {
    return this.asked.size > 0;
  }

  /** Whether the server may be about to resume it. */
  isAsked(session: ResumableSession): boolean {
    return this.asked.has(session);
  }

  ask(link: LiveLink, session: ResumableSession): void {
    this.asked.add(session);
    const { open, packet } = resumeRequest(session);
    link.ask({ packet, resumes: { session, open } });
  }

  /** It was asked for on a link of its own, and the answer is still to come. */
  isAlreadyAsked(session: ResumableSession): void {
    this.asked.add(session);
  }

  /** SESSION_OPEN_ACK. */
  answered(link: LiveLink, { session, open }: NonNullable<AskedOpen['resumes']>, packet: Packet): void {
    this.asked.delete(session);
    const answer = resumeAnswer(open, packet);
    const { owner } = this;
    if (answer.outcome === 'broken') {
      owner.ruleBroken(answer.text);
      return;
    }
    const isWanted = owner.sessions.get(session.sessionId) === session;
    const isThere = answer.outcome === 'resumed' || answer.outcome === 'opened';
    if (isThere && (answer.outcome === 'opened' || !isWanted)) link.send(abortClose(session.sessionId));
    if (!isWanted) return;
    if (answer.outcome === 'resumed') this.resumed(link, session, answer);
    else if (answer.outcome === 'opened') owner.sessionLost(session, replacedSession(session));
    else {
      const why = readRefusal(answer.extensions);
      if (answer.outcome === 'retry later') this.retryLater(link, session, why.retryAfterMs ?? 0);
      else owner.sessionLost(session, refusedResume(session, refusalOf(open, answer.ack, why)));
    }
  }

  /** The link is lost: no answer comes any more. */
  forget(): void {
    this.asked.clear();
    for (const timer of this.retries) clearTimeout(timer);
    this.retries.clear();
  }

  private resumed(link: LiveLink, session: ResumableSession, { grant, position }: Resumed): void {
    const rest = session.resume(grant, position);
    if (rest === undefined) {
      this.owner.ruleBroken(`session ${session.sessionId} cannot have received ${position} packets`);
      return;
    }
    link.adopt(session);
    for (const packet of rest) link.send(packet);
    this.owner.sessionResumed(session, rest.length);
  }

  private retryLater(link: LiveLink, session: ResumableSession, afterMs: number): void {
    const { owner } = this;
    const delayMs = afterMs + backoffMs(SPREAD, owner.settings.reconnectBackoffMs);
    const timer = later(owner, Math.min(delayMs, MAX_TIMER_MS), () => {
      this.retries.delete(timer);
      const isWanted = owner.link === link && owner.sessions.get(session.sessionId) === session;
      if (isWanted && performance.now() < session.endsAtMs) this.ask(link, session);
    });
    this.retries.add(timer);
  }
}

/** A fatal ERROR that says when to come again: in how many milliseconds; 0 when it does not. */
export function putOffMs(packet: Packet): number {
  if (packet.metadataLength < preview3.ERROR_MESSAGE_BYTES) return 0;
  const { retryAfterMs, errorScope, isFatal } = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
  return isFatal === 1 && errorScope === preview3.ErrorScope.Connection ? retryAfterMs : 0;
}

/** For a session that the server has, and this side has not. */
function abortClose(sessionId: number) {
  const metadata = new Uint8Array(preview3.SESSION_CLOSE_BYTES);
  const close: preview3.SessionClose = {
    closeReason: preview3.CloseReason.ClientShutdown,
    inFlightPolicy: preview3.InFlightPolicy.Abort,
    drainTimeoutMs: 0,
    lastOperationId: 0n,
    sessionErrorCode: preview3.SessionErrorCode.None,
    sessionCloseTag: sessionId,
  };
  preview3.encodeSessionClose(close, new DataView(metadata.buffer), 0);
  return ownPacket(MessageType.SessionClose, sessionId, metadata);
}
