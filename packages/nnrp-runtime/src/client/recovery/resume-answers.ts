import type { IdMap, NnrpError, Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType, SessionErrorCode } from 'nnrp-core/preview3';
import { type Guarded, later } from '../../base/guard.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { readRefusal } from '../../connection/errors/open-refusal.js';
import type { LoggedPacket } from '../../connection/recovery/logged-packet.js';
import type { Timer } from '../../platform/platform.js';
import { refusalOf } from '../failures/refused-open.js';
import { backoffMs } from './backoff.js';
import { ownPacket } from './kept-packet.js';
import type { AskedOpen, LiveLink } from './live-link.js';
import { type ResumeAnswer, resumeAnswer, resumeRequest } from './open-request.js';
import type { ResumableSession } from './resumable-session.js';
import { refusedLikeOthers, refusedResume, replacedSession, windowOver } from './session-lost.js';

/** A server that refuses so many sessions one after the other, and takes none, is another one than before. */
const MOST_REFUSED = 3;
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

/** Asks for the sessions of a connection that was lost, on another one, and reads the answers. */
export class ResumeAnswers {
  private readonly asked = new Set<ResumableSession>();
  private readonly retries = new Set<Timer>();
  /** Those that are asked for when the server has taken one, in the order in which they are tried. */
  private untried: ResumableSession[] = [];
  private refused = 0;

  constructor(private readonly owner: ResumingParts) {}

  /** Whether an answer is awaited. */
  get isPending(): boolean {
    return this.asked.size > 0 || this.untried.length > 0;
  }

  /** Whether the server may be about to resume it. */
  isAsked(session: ResumableSession): boolean {
    return this.asked.has(session);
  }

  /**
   * Asks for one of them, and for all when the server takes that. One that was started anew knows none of their tokens, and
   * takes each for a guess: it slows down a connection that guesses often, and closes it in the end.
   */
  askAll(link: LiveLink, sessions: Iterable<ResumableSession>): void {
    const all = [...sessions];
    this.refused = 0;
    const areMany = all.length > MOST_REFUSED;
    this.untried = areMany ? inOrderOfTrial(all) : [];
    if (areMany) this.askNext(link);
    else this.ask(link, all);
  }

  /** Asks for all of them that are wanted still. */
  ask(link: LiveLink, sessions: readonly ResumableSession[]): void {
    let isAsked = false;
    for (const session of sessions) {
      if (!this.isWanted(session)) continue;
      isAsked = true;
      this.asked.add(session);
      const { open, packet } = resumeRequest(session);
      link.ask({ packet, resumes: { session, open } });
    }
    // A path that is dead already, or has died meanwhile, is found by it.
    if (isAsked) link.fence();
  }

  /** It was asked for on a link of its own, and the answer is still to come. */
  isAlreadyAsked(session: ResumableSession): void {
    this.asked.add(session);
  }

  /** SESSION_OPEN_ACK. */
  answered(link: LiveLink, { session, open }: NonNullable<AskedOpen['resumes']>, packet: Packet): void {
    this.asked.delete(session);
    const answer = resumeAnswer(open, packet, session);
    const { owner } = this;
    if (answer.outcome === 'broken') {
      owner.ruleBroken(answer.text);
      return;
    }
    const isWanted = this.isWanted(session);
    const isThere = answer.outcome === 'resumed' || answer.outcome === 'opened';
    const rest = isWanted && answer.outcome === 'resumed' ? session.resume(answer.grant, answer.position) : undefined;
    if (isThere && rest === undefined) link.send(abortClose(session.sessionId));
    const unknown = isWanted ? this.settle(link, session, open, answer, rest) : undefined;
    if (unknown === undefined) this.askRest(link);
    else this.knowsNot(link, unknown);
  }

  /**
   * The server has given this id to a session that was asked for meanwhile: it knows nothing any more of one that was to be
   * resumed by it, whether it was asked for that one already or not.
   */
  idGiven(sessionId: number): void {
    const session = this.owner.sessions.get(sessionId);
    if (session?.isAttached === false) this.owner.sessionLost(session, replacedSession(session));
  }

  /** The link is lost: no answer comes any more. */
  forget(): void {
    this.asked.clear();
    this.untried = [];
    for (const timer of this.retries) clearTimeout(timer);
    this.retries.clear();
  }

  /**
   * @param rest - what has to be sent, when the session goes on
   * @returns why, when the server knows nothing of the session
   */
  private settle(
    link: LiveLink,
    session: ResumableSession,
    open: preview3.SessionOpen,
    answer: Exclude<ResumeAnswer, { readonly outcome: 'broken' }>,
    rest: readonly LoggedPacket[] | undefined,
  ): NnrpError | undefined {
    const { owner } = this;
    if (rest !== undefined) {
      link.adopt(session);
      for (const packet of rest) link.send(packet);
      owner.sessionResumed(session, rest.length);
      return undefined;
    }
    if (answer.outcome === 'resumed' || answer.outcome === 'opened') {
      const lost = replacedSession(session);
      owner.sessionLost(session, lost);
      return lost;
    }
    const why = readRefusal(answer.extensions);
    const refusal = refusalOf(open, answer.ack, why);
    // Where the server has no room, or its policy has failed, it has the session still.
    if (answer.outcome === 'refused' && !refusal.isRetryable) {
      owner.sessionLost(session, refusedResume(session, refusal));
      return refusal.wireCode === SessionErrorCode.ResumeRejected ? refusal : undefined;
    }
    // Its window may be over: then it was kept for this answer alone.
    if (performance.now() >= session.endsAtMs) owner.sessionLost(session, windowOver(session, refusal));
    else this.retryLater(link, session, why.retryAfterMs ?? 0);
    return undefined;
  }

  private askNext(link: LiveLink): void {
    let next = this.untried.shift();
    while (next !== undefined && !this.isWanted(next)) next = this.untried.shift();
    if (next !== undefined) this.ask(link, [next]);
  }

  private askRest(link: LiveLink): void {
    const { untried } = this;
    this.untried = [];
    this.ask(link, untried);
  }

  /** The server knows nothing of a session that it was asked for. */
  private knowsNot(link: LiveLink, why: NnrpError): void {
    if (++this.refused < MOST_REFUSED) {
      this.askNext(link);
      return;
    }
    const { owner, untried } = this;
    this.untried = [];
    for (const session of untried) owner.sessionLost(session, refusedLikeOthers(session, why));
  }

  private isWanted(session: ResumableSession): boolean {
    return this.owner.sessions.get(session.sessionId) === session;
  }

  private retryLater(link: LiveLink, session: ResumableSession, afterMs: number): void {
    const { owner } = this;
    const delayMs = afterMs + backoffMs(SPREAD, owner.settings.reconnectBackoffMs);
    const timer = later(owner, Math.min(delayMs, MAX_TIMER_MS), () => {
      this.retries.delete(timer);
      if (owner.link === link && performance.now() < session.endsAtMs) this.ask(link, [session]);
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

/** Newest, oldest and middle first: when a server has given sessions up for want of room, those were the oldest. */
function inOrderOfTrial(sessions: readonly ResumableSession[]): ResumableSession[] {
  const first = new Set([sessions.at(-1), sessions[0], sessions[sessions.length >> 1]]);
  return [...first, ...sessions.filter((session) => !first.has(session))].filter((session) => session !== undefined);
}
