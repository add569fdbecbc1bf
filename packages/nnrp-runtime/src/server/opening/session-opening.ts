import {
  checkOpenRequest,
  chooseSessionId,
  isNnrpError,
  openedAck,
  type Packet,
  rejectedAck,
  type SessionOpenTerms,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { SessionErrorCode, SessionFlags } from 'nnrp-core/preview3';
import type { ApplicationContext } from '../../base/application/application-context.js';
import { described } from '../../base/application/described.js';
import { aside, type Guarded, guard } from '../../base/guard.js';
import { Line } from '../../base/queues/line.js';
import { ignoreRejectionsWithin, isThenable, settledOnce } from '../../base/thenable.js';
import { Patience } from '../../base/time/patience.js';
import type { Dialect } from '../../connection/revision/dialect.js';
import type { PeerIdentity } from '../../transport/contract/peer-identity.js';
import type { ConnectionWaiting } from '../bounds/waiting-bytes.js';
import type { PolicyAnswer, PolicyDecision, SessionOpenContext } from '../contract/policy.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type { ClientPlace } from '../recovery/client-place.js';
import type { SessionPort } from '../recovery/session-port.js';
import type { RefusalTerms } from './counted-refusals.js';
import type { FreeIdsAbove, IdChoice } from './id-choice.js';
import { type OpenReader, readOpenBody } from './open-body.js';
import type { OpenRefusals } from './open-refusals.js';
import { grantOf, wrongAnswer } from './policy-grant.js';
import { readableOpen } from './readable-open.js';
import { mayBeGuess, noSuchId, type OpenFailure, policyFailed, policyTooSlow, policyWrong } from './refused-open.js';

/** Requests whose policy is being asked, and packets behind them, before the connection is not read any more; for their bytes see ServerMemory. */
const MAX_WAITING = 64;
/** What a request costs besides its bytes while its policy decides: promises, a timer, what the policy is shown (measured, rounded up). */
const REQUEST_BYTES = 2048;
/** What one that is decided costs while others before it are not (rounded up). */
const DECIDED_BYTES = 1024;
/** What a packet behind a request costs besides its bytes (measured, rounded up). */
const PACKET_BYTES = 512;

/** Says no more, whatever the reason. */
const RESUME_REJECTED: OpenFailure = Object.freeze({ errorCode: SessionErrorCode.ResumeRejected });

/** What a client that resumes has sent along. */
export interface ResumeAttempt extends ClientPlace {
  /** A copy. */
  readonly token: Uint8Array;
}

/** What opening a session needs of the connection and the server. */
export interface OpeningOwner extends OpenReader, Guarded {
  readonly remoteAddress: string;
  readonly peerIdentity: PeerIdentity | undefined;
  readonly helloAuth: Uint8Array;
  readonly isClosed: boolean;
  granted(open: preview3.SessionOpen, ack: preview3.SessionOpenAck): void;
  /** A session goes on over this connection. */
  resumed(open: preview3.SessionOpen, session: Resumable, attempt: ResumeAttempt): void;
  /** A packet that had to wait for a decision. */
  redeliver(packet: Packet): void;
  /** Where the bytes of what waits are counted; it stops reading by itself. */
  readonly memory: { readonly opening: Pick<ConnectionWaiting, 'add'> };
  hold(): void;
  release(): void;
}

/** A session that may be resumed. */
export type Resumable = SessionPort;

/** Finds the session that a request means to resume. */
export interface ResumableFinder {
  /** @param dialect - in which the client asks for it */
  find(open: preview3.SessionOpen, token: Uint8Array, place: ClientPlace, dialect: Dialect): Resumable | undefined;
  /** Whether the id of a session that is over is kept for its client, which comes over another connection. */
  keepsId(sessionId: number, connection: object): boolean;
}

/** What opening a session needs of the server. */
export interface OpeningServer {
  readonly resumables: ResumableFinder;
  readonly config: NnrpServerConfig;
  /** See {@link openTerms}. */
  readonly terms: SessionOpenTerms;
  readonly table: FreeIdsAbove;
  /** Where the application handed its policy over. */
  readonly policyContext: ApplicationContext;
}

/** What a configuration grants; made once for a server. */
export function openTerms(config: NnrpServerConfig): SessionOpenTerms {
  return {
    ...config,
    hasSchema: (id, version) => config.schemaRegistry.has(id, version),
    grantedSessionFlags:
      (config.backgroundResults ? SessionFlags.AllowBackgroundResults : 0) |
      (config.cacheLeases ? SessionFlags.AllowCacheLeases : 0) |
      (config.schemaOverride ? SessionFlags.AllowSchemaOverride : 0),
  };
}

/** A SESSION_OPEN whose turn to be answered has not come, or whose policy has not decided. */
interface Undecided {
  /** Answers it; absent as long as the policy has not decided. */
  answer: (() => void) | undefined;
  /** Counted for it as long as it stands in the line. */
  bytes: number;
}

/**
 * Opens the sessions of one connection. Policies decide side by side, since each may have to wait for another service; the
 * answers go out in the order of the requests, because nothing in an answer says which request it is for. What arrives
 * behind a request that is not answered and could belong to its session waits for the answer; what belongs to other
 * sessions does not.
 */
export class SessionOpening {
  /** Requests without their answer, and packets that wait for it, in the order of arrival. */
  private readonly line = new Line<Undecided | Packet>();
  /** Counted as waiting, although they wait no more. */
  private dealtWithBytes = 0;
  private pausesReading = false;
  private advancing = false;
  /** A packet is dealt with whose turn has come, although others wait behind it. */
  private resuming = false;
  /** A refusal whose answer is to wait; it is put back to the front of the line. */
  private postponed: Undecided | undefined;
  /** Until the answer at the front of the line may go. */
  private delay: NodeJS.Timeout | undefined;

  constructor(
    private readonly server: OpeningServer,
    private readonly owner: OpeningOwner,
    private readonly refusals: OpenRefusals,
    private readonly ids: IdChoice,
  ) {}

  /** Whether a decision is being waited for; packets that may depend on it go to `wait`. */
  get isBusy(): boolean {
    return this.line.size > 0 && !this.resuming;
  }

  wait(packet: Packet): void {
    // In memory of its own: handlers of other sessions have the chunk, and may transfer it away.
    this.line.push(packet.copy());
    this.owner.memory.opening.add(PACKET_BYTES + packet.byteLength);
    this.holdWhenFull();
  }

  /** SESSION_OPEN has come. */
  request(packet: Packet): void {
    // Frozen: the policy gets it, and so does the application afterwards.
    const open = Object.freeze(described(preview3.decodeSessionOpen(packet.view, packet.metadataStart)));
    const body = readOpenBody(packet, open, this.owner);
    if (body === undefined) return;
    const resumes = open.resumeTokenBytes > 0;
    const errorCode = checkOpenRequest(open, this.server.terms);
    const failure = errorCode === SessionErrorCode.None ? this.refusals.hindrance(resumes) : { errorCode };
    if (failure !== undefined) {
      this.answerInTurn(() => this.refuse(open, failure));
      return;
    }
    if (!resumes) {
      this.askPolicy(open, body.auth, undefined);
      return;
    }
    const attempt = { token: new Uint8Array(body.token), received: body.received, had: body.had };
    if (this.find(open, attempt) === undefined)
      this.answerInTurn(() =>
        this.refuseAsGuess(open, RESUME_REJECTED, this.refusals.guessedToken(open, attempt.token)),
      );
    else this.askPolicy(open, body.auth, attempt);
  }

  /** Over preview4 a request that cannot be read is refused like any other: the connection lives on. */
  malformed(packet: Packet, message: string): void {
    const open = readableOpen(packet);
    const { AuthFailed, ResumeRejected } = SessionErrorCode;
    const errorCode = open.resumeTokenBytes > 0 ? ResumeRejected : AuthFailed;
    this.answerInTurn(() => this.refuse(open, { errorCode, why: { message, retryable: false } }));
  }

  /** The session that was found is not there any more. */
  rejectResume(open: preview3.SessionOpen): void {
    this.refuse(open, RESUME_REJECTED);
  }

  /** The connection is over. */
  end(): void {
    this.line.drain();
    clearTimeout(this.delay);
  }

  private askPolicy(open: preview3.SessionOpen, auth: Uint8Array, attempt: ResumeAttempt | undefined): void {
    const { remoteAddress, peerIdentity, helloAuth } = this.owner;
    const context: SessionOpenContext = described({
      remoteAddress,
      // Copies of the policy's own: it may keep them, wipe them or hand them to another thread.
      auth: new Uint8Array(auth),
      helloAuth: new Uint8Array(helloAuth),
      ...(peerIdentity === undefined ? {} : { peerIdentity }),
      ...(attempt === undefined ? {} : { resumes: open.requestedSessionId }),
    });
    let answer: PolicyAnswer;
    let promised: Promise<PolicyDecision> | undefined;
    try {
      // Also what a policy returns may throw when it is looked at.
      answer = this.server.policyContext.run(() =>
        this.server.config.applicationPolicy.validateSessionOpen(open, context),
      );
      if (isThenable(answer)) promised = settledOnce(answer);
    } catch (error) {
      this.answerInTurn(() => this.policyFailed(open, error));
      return;
    }
    if (promised === undefined) {
      this.answerInTurn(() => this.decide(open, answer as PolicyDecision, attempt));
      return;
    }
    const bytes = REQUEST_BYTES + auth.length + helloAuth.length;
    const undecided: Undecided = { answer: undefined, bytes };
    this.line.push(undecided);
    this.holdWhenFull();
    this.owner.memory.opening.add(bytes);
    const { policyTimeoutMs } = this.server.config;
    const settle = (decide: () => void) => {
      if (undecided.answer !== undefined) return;
      undecided.answer = decide;
      undecided.bytes = DECIDED_BYTES;
      this.owner.memory.opening.add(DECIDED_BYTES - bytes);
      patience.end();
      guard(this.owner, () => this.advance());
    };
    const patience = new Patience(this.owner, policyTimeoutMs, () =>
      settle(() => this.refuse(open, policyTooSlow(policyTimeoutMs))),
    ).unref();
    promised.then(
      (decision) => settle(() => this.decide(open, decision, attempt)),
      (error: unknown) => settle(() => this.policyFailed(open, error)),
    );
  }

  /** A decision that needs no time: given at once, unless others have come before. */
  private answerInTurn(answer: () => void): void {
    if (!this.isBusy) {
      answer();
      // In place of the packet that is being resumed, or in an empty line.
      if (!this.resuming) this.putBack();
    } else {
      this.line.push({ answer, bytes: DECIDED_BYTES });
      this.owner.memory.opening.add(DECIDED_BYTES);
      this.holdWhenFull();
    }
  }

  private holdWhenFull(): void {
    if (this.pausesReading || this.line.size < MAX_WAITING) return;
    if (this.delay !== undefined && this.refusals.guessesOn()) return;
    this.pausesReading = true;
    this.owner.hold();
  }

  /** An answer that was not given after all is the first in the line again. */
  private putBack(): void {
    const { postponed } = this;
    if (postponed === undefined) return;
    this.postponed = undefined;
    this.line.unshift(postponed);
    this.owner.memory.opening.add(postponed.bytes);
  }

  /** Deals with what waits, in order, up to the next request that is not decided. */
  private advance(): void {
    // A decision may set off another one on this stack; the loop below comes to it.
    if (this.advancing) return;
    this.advancing = true;
    try {
      this.answerDecided();
    } finally {
      this.advancing = false;
      // Not before: what is read then must find the line as it is, and come behind all of it.
      const bytes = this.dealtWithBytes;
      this.dealtWithBytes = 0;
      this.owner.memory.opening.add(-bytes);
    }
    if (!this.pausesReading || this.line.size >= MAX_WAITING) return;
    this.pausesReading = false;
    this.owner.release();
  }

  private answerDecided(): void {
    for (let next = this.line.first; next !== undefined; next = this.line.first) {
      if (this.owner.isClosed) this.line.drain();
      if (this.owner.isClosed || ('answer' in next && next.answer === undefined)) return;
      if ('answer' in next) {
        this.dealtWithBytes += next.bytes;
        next.answer?.();
      } else {
        this.dealtWithBytes += PACKET_BYTES + next.byteLength;
        this.resuming = true;
        try {
          this.owner.redeliver(next);
        } finally {
          this.resuming = false;
        }
      }
      // It stands in the line until it is dealt with, so that nothing overtakes it.
      if (this.line.first === next) this.line.take();
      this.putBack();
    }
  }

  /** Looking at the ids and taking one happen here, without a pause in between. */
  private decide(
    open: preview3.SessionOpen,
    decision: PolicyDecision | null,
    attempt: ResumeAttempt | undefined,
  ): void {
    const grant = grantOf(decision);
    if ('thrown' in grant) {
      const { thrown } = grant;
      if (isNnrpError(thrown, 'NNRP_ERR_USAGE')) this.refuse(open, policyWrong(thrown));
      else this.policyFailed(open, thrown);
      return;
    }
    if (typeof decision === 'number' && decision >>> 0 === decision) {
      this.refuseByPolicy(open, { errorCode: decision });
      return;
    }
    const wrong = wrongAnswer(open, decision, grant);
    if (wrong !== undefined) {
      ignoreRejectionsWithin(decision);
      this.refuse(open, policyWrong(wrong));
      return;
    }
    const failure = this.refusals.hindrance(attempt !== undefined);
    if (failure !== undefined) this.refuse(open, failure);
    else if (attempt !== undefined) this.resume(open, attempt);
    else this.grant(open, grant.priorityClass);
  }

  private grant(open: preview3.SessionOpen, priorityClass: preview3.SessionPriorityClass | undefined): void {
    const { table, resumables } = this.server;
    const has = (id: number) => table.has(id) || resumables.keepsId(id, this.owner);
    const choice = chooseSessionId(open, { has, free: () => this.ids.free(table) });
    if ('sessionId' in choice)
      this.owner.granted(open, openedAck(open, this.server.terms, choice.sessionId, priorityClass));
    else if (choice.errorCode !== SessionErrorCode.SessionLimitReached) this.refuse(open, choice);
    else this.refuse(open, noSuchId(open.requestedSessionId));
  }

  /** Looked for once more: another connection may have resumed it while the policy decided. */
  private resume(open: preview3.SessionOpen, attempt: ResumeAttempt): void {
    const session = this.find(open, attempt);
    if (session === undefined) this.refuse(open, RESUME_REJECTED);
    else this.owner.resumed(open, session, attempt);
  }

  private find(open: preview3.SessionOpen, attempt: ResumeAttempt): Resumable | undefined {
    return this.server.resumables.find(open, attempt.token, attempt, this.owner.dialect);
  }

  private policyFailed(open: preview3.SessionOpen, thrown: unknown): void {
    ignoreRejectionsWithin(thrown, 0);
    this.refuseByPolicy(open, policyFailed(thrown, this.server.config.exposeHandlerErrors));
  }

  /** Delays the answers to a peer that guesses, each one longer. Only the answer is kept, and no policy waits for it. */
  private refuseByPolicy(open: preview3.SessionOpen, failure: OpenFailure): void {
    if (mayBeGuess(failure)) this.refuseAsGuess(open, failure, this.refusals.guessed());
    else this.refuse(open, failure);
  }

  private refuseAsGuess(open: preview3.SessionOpen, failure: OpenFailure, { delayMs, isLast }: RefusalTerms): void {
    const answer = () => {
      this.refuse(open, failure);
      if (isLast) this.refusals.guessedTooOften();
    };
    if (delayMs === 0) {
      answer();
      return;
    }
    const undecided: Undecided = { answer: undefined, bytes: DECIDED_BYTES };
    this.postponed = undecided;
    this.delay = aside(this.owner, delayMs, () => {
      this.delay = undefined;
      undecided.answer = answer;
      this.advance();
    });
  }

  private refuse(open: preview3.SessionOpen, { errorCode, why, cause }: OpenFailure): void {
    const { remoteAddress } = this.owner;
    const refusal = { remoteAddress, open, errorCode, ...(cause === undefined ? {} : { cause }) };
    this.refusals.refused(refusal, rejectedAck(open, this.server.terms, errorCode), why);
  }
}
