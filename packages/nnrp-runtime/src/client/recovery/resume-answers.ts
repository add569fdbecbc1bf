import type { IdMap, NnrpError, Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType, SessionErrorCode, SessionStatus } from 'nnrp-core/preview3';
import { type Guarded, later } from '../../base/guard.js';
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
/** The first wait for one that the server has put off is that of so late an attempt to connect. */
const FIRST_WAIT = 3;

/** What asking for sessions again needs of the transport that it is a part of. */
export interface ResumingParts extends Guarded {
  readonly link: LiveLink | undefined;
  readonly sessions: IdMap<ResumableSession>;
  readonly settings: { readonly reconnectBackoffMs: number };
  /** The link is lost when they do not come in time, unless sessions go on over it. */
  awaitAnswers(link: LiveLink): void;
  /** @param packets - that were sent to it, which the server had not got */
  sessionResumed(session: ResumableSession, packets: number): void;
  sessionLost(session: ResumableSession, error: NnrpError): void;
  /** The server broke a rule. */
  ruleBroken(text: string): void;
}

/** Asks for the sessions of a connection that was lost, on another one, and reads the answers. */
export class ResumeAnswers {
  private readonly asked = new Set<ResumableSession>();
  /** Those that are asked for when the server has taken one, in the order in which they are tried. */
  private untried: ResumableSession[] = [];
  private refusals = 0;
  /**
   * Those that the server has put off, and when the next one of them is asked for: one after the other, ever later, until it
   * takes one. Many that were asked for all the time would be too many refusals for one connection.
   */
  private putOff: ResumableSession[] = [];
  private retry: Timer | undefined;
  private waits = FIRST_WAIT;
  private askedAgain: ResumableSession | undefined;

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
    this.untried = [...sessions];
    this.refusals = 0;
    this.waits = FIRST_WAIT;
    const areMany = this.untried.length > MOST_REFUSED;
    if (areMany) this.untried = inOrderOfTrial(this.untried);
    this.askUntried(link, areMany ? 1 : MOST_REFUSED);
  }

  /** Asks for these; all of them are wanted. */
  ask(link: LiveLink, sessions: readonly ResumableSession[]): void {
    if (sessions.length === 0) return;
    for (const session of sessions) {
      this.asked.add(session);
      const { open, packet } = resumeRequest(session);
      link.ask({ packet, resumes: { session, open } });
    }
    this.owner.awaitAnswers(link);
    // A path that is dead already, or has died meanwhile, is found by it.
    link.fence();
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
    const rest = isWanted && answer.outcome === 'resumed' ? session.resume(answer.grant, answer.position) : undefined;
    if (answer.outcome !== 'refused' && rest === undefined) link.send(abortClose(session.sessionId));
    const unknown = isWanted ? this.settle(link, session, open, answer, rest) : undefined;
    if (unknown === undefined) this.askUntried(link);
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
    this.putOff = [];
    clearTimeout(this.retry);
    this.retry = undefined;
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
      if (session === this.askedAgain) this.askAgain(link);
      return undefined;
    }
    if (answer.outcome !== 'refused') {
      const lost = replacedSession(session);
      owner.sessionLost(session, lost);
      return lost;
    }
    const refusal = refusalOf(open, answer.ack, readRefusal(answer.extensions));
    // Where the server has no room, or its policy has failed, it has the session still.
    if (answer.ack.sessionStatus === SessionStatus.Rejected && !refusal.isRetryable) {
      owner.sessionLost(session, refusedResume(session, refusal));
      return refusal.wireCode === SessionErrorCode.ResumeRejected ? refusal : undefined;
    }
    // Its window may be over: then it was kept for this answer alone.
    if (performance.now() >= session.endsAtMs) owner.sessionLost(session, windowOver(session, refusal));
    else {
      session.refusal = refusal;
      session.notBeforeMs = performance.now() + refusal.retryAfterMs;
      this.putOff.push(session);
      this.askLater(link);
    }
    return undefined;
  }

  /** @param most - of those that are wanted still; all of them when left out */
  private askUntried(link: LiveLink, most = this.untried.length): void {
    this.untried = this.untried.filter((session) => this.isWanted(session));
    this.ask(link, this.untried.splice(0, most));
  }

  /** The server knows nothing of a session that it was asked for. */
  private knowsNot(link: LiveLink, why: NnrpError): void {
    if (++this.refusals < MOST_REFUSED) {
      this.askUntried(link, 1);
      return;
    }
    for (const session of this.untried.splice(0)) this.owner.sessionLost(session, refusedLikeOthers(session, why));
  }

  private isWanted(session: ResumableSession): boolean {
    return this.owner.sessions.get(session.sessionId) === session;
  }

  private askLater(link: LiveLink): void {
    if (this.putOff.length === 0) return;
    const { owner } = this;
    this.retry ??= later(owner, backoffMs(this.waits++, owner.settings.reconnectBackoffMs), () => {
      this.retry = undefined;
      this.askAgain(link, 1);
      this.askLater(link);
    });
  }

  /** @param most - of those whose time has come */
  private askAgain(link: LiveLink, most?: number): void {
    // One that is over meanwhile must not take the turn of another.
    const wanted = this.putOff.filter((session) => this.isWanted(session));
    const due = wanted.filter(({ notBeforeMs }) => notBeforeMs <= performance.now()).slice(0, most);
    const asked = new Set(due);
    this.putOff = wanted.filter((session) => !asked.has(session));
    [this.askedAgain] = due;
    this.ask(link, due);
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
  const first = [sessions.at(-1), sessions[0], sessions[sessions.length >> 1]] as ResumableSession[];
  return [...new Set([...first, ...sessions])];
}
