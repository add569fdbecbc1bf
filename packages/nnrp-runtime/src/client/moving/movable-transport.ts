import { ClosedError, type NnrpError, type Packet, TransportError, UsageError } from 'nnrp-core';
import { brokenBy } from '../../base/application/thrown-text.js';
import { guard, NO_OWNER } from '../../base/guard.js';
import { type Deferred, deferred } from '../../base/promises/deferred.js';
import { ignoreRejection } from '../../base/promises/settled.js';
import { remoteAddressOf } from '../../connection/transport-end.js';
import type { FramedConnector, FramedTransport } from '../../transport/contract/contract.js';
import type { MigrationReport, SessionPath } from '../contract/migration.js';
import type { LiveLink } from '../recovery/live-link.js';
import type { RecoverySettings } from '../recovery/recovery-owner.js';
import { SessionlessTransport } from '../recovery/sessionless-transport.js';
import { CurrentConnector } from './current-connector.js';
import { LinkTrial, type TrialOwner } from './link-trial.js';

const MOVED = new ClosedError('the sessions have moved to another transport');

/**
 * A transport whose sessions can move to another one: while they are asked for there, nothing is read from the old one, so
 * that what the server is told stays true. With its leave they are suspended here and resumed there.
 */
export class MovableTransport extends SessionlessTransport implements TrialOwner {
  private readonly connector: CurrentConnector;
  /** A move that can still be taken back, and what it ends with then. */
  private move: Deferred<never> | undefined;
  private trial: LinkTrial | undefined;
  /** A move that cannot be taken back. */
  private moved: Deferred<MigrationReport> | undefined;
  /** While a link is given up for another one there is nothing to connect to. */
  private isGoingOver = false;
  /** What the connection wants while nothing is read; undefined while it is asked. */
  private wanted: { paused: boolean } | undefined;

  constructor(first: FramedTransport, connector: FramedConnector, settings: RecoverySettings) {
    const current = new CurrentConnector(connector);
    super(first, current, settings);
    this.connector = current;
  }

  get path(): SessionPath {
    return Object.freeze({ transport: this.kind, remoteAddress: this.remoteAddress });
  }

  /**
   * A move begins.
   *
   * @returns its promise rejects when it has to be given up, and never resolves
   * @throws UsageError when there is nothing to move, it cannot move, or another move is under way; ClosedError or
   * TransportError when the connection is closed or away
   */
  beginMove(): Deferred<never> {
    if (this.isOver) throw new ClosedError(`${this.remoteAddress}: the connection is over`);
    if (this.move !== undefined || this.moved !== undefined) throw new UsageError('a migration is under way already');
    if (this.gap !== undefined)
      throw new TransportError('the connection is lost at the moment', { cause: this.gap.error });
    this.checkSessions();
    const move = deferred<never>();
    ignoreRejection(move.promise);
    this.move = move;
    return move;
  }

  /** @throws UsageError when a session cannot move, or there is none */
  checkSessions(): void {
    const { sessions } = this.owner;
    if (sessions.size === 0) throw new UsageError('there is no session to move: connect anew');
    for (const { sessionId } of sessions) {
      if (this.sessions.get(sessionId) === undefined)
        throw new UsageError(`session ${sessionId} cannot be resumed: the server has given no token for it`);
    }
  }

  /** The move is given up at once, as far as it still can be. */
  giveUpMove(reason: NnrpError): void {
    this.move?.reject(reason);
    this.trial?.fail(reason);
  }

  /** It is over, one way or another; another one may be under way by now. */
  endMove(move: Deferred<never>): void {
    if (this.move !== move) return;
    this.move = undefined;
    this.trial?.fail(new ClosedError('the move was given up'));
  }

  /** While nothing is read on purpose, nothing can be said about the server. */
  override get unsentBytes(): number {
    return Math.max(this.wanted === undefined ? 0 : 1, super.unsentBytes);
  }

  /** Resolves when everything that was sent has arrived, and everything before that was read; never when the link is lost first. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const { link } = this;
      const look = () => {
        if (link === undefined || link.opens.size === 0) resolve();
        else link.whenArrived(look);
      };
      link?.whenArrived(look);
      link?.fence();
    });
  }

  /**
   * Asks for the sessions there, one first: when the server says no to it nothing has changed.
   *
   * @param limitMs - that the answer may take
   * @returns resolves when the sessions go on there; rejects when they stay where they are, or are lost
   */
  moveTo(transport: FramedTransport, connector: FramedConnector, limitMs: number): Promise<MigrationReport> {
    const [session] = this.sessions.values();
    if (this.gap !== undefined)
      throw new TransportError('the connection is lost at the moment', { cause: this.gap.error });
    if (session === undefined) throw new UsageError('there is no session to move: connect anew');
    if (this.uses(transport)) throw new UsageError('the connector has answered with the connection that is in use');
    this.moved = deferred<MigrationReport>();
    const promise = ignoreRejection(this.moved.promise);
    this.holdReading();
    const trial = new LinkTrial(transport, connector, session, this);
    this.trial = trial;
    try {
      trial.begin(limitMs);
    } catch (error) {
      trial.fail(new TransportError(`it cannot be used: ${brokenBy(error)}`, { cause: error }));
    }
    return promise;
  }

  /** Whether its packets go over this one. */
  uses(transport: FramedTransport): boolean {
    return this.link?.transport === transport;
  }

  greet(link: LiveLink): void {
    this.words.greet(link);
  }

  trialSucceeded(trial: LinkTrial, answer: Packet): void {
    if (this.sessions.size === 0 || this.isOver) trial.fail(new ClosedError('the session is over'));
    else this.goOver(trial, answer);
  }

  trialFailed(trial: LinkTrial, error: NnrpError): void {
    const { moved } = this;
    this.trial = undefined;
    this.moved = undefined;
    this.readOn();
    moved?.reject(error);
    guard(NO_OWNER, () => trial.link.transport.abort(error));
  }

  override pause(): void {
    if (this.wanted === undefined) super.pause();
    else this.wanted.paused = true;
  }

  override resume(): void {
    if (this.wanted === undefined) super.resume();
    else this.wanted.paused = false;
  }

  /** The old link is lost: while a session is asked for on another one, that is where they go. */
  override linkLost(link: LiveLink, error: NnrpError | undefined): void {
    const { trial } = this;
    const isOwn = link === this.link;
    if (isOwn && trial !== undefined && this.sessions.size > 0 && !this.isOver) {
      this.goOver(trial, undefined);
      return;
    }
    super.linkLost(link, error);
    if (isOwn) this.move?.reject(new TransportError('the connection was lost meanwhile', { cause: error }));
  }

  protected override connectAgain(): void {
    if (!this.isGoingOver) super.connectAgain();
  }

  protected override stop(): void {
    super.stop();
    const closed = new ClosedError(`${this.remoteAddress}: the connection is over`);
    this.giveUpMove(closed);
    this.owner.move = undefined;
    this.moved?.reject(closed);
    this.moved = undefined;
  }

  /** Sessions go on, or are over: a move that none of them has survived has failed. */
  protected override goOn(): void {
    super.goOn();
    if (this.gap !== undefined || this.trial !== undefined || this.moved === undefined) return;
    this.owner.move = undefined;
    this.moved.reject(new TransportError('the server that they were moved to has lost them all'));
    this.moved = undefined;
  }

  /** The old link is given up. @param answer - to the session that was asked for; undefined while there is none */
  private goOver(trial: LinkTrial, answer: Packet | undefined): void {
    const { link: old, path: from, answers, moved } = this;
    const { link, resumes } = trial;
    this.trial = undefined;
    this.move = undefined;
    if (old === undefined) return;
    const { transport } = link;
    const to: SessionPath = Object.freeze({ transport: transport.kind, remoteAddress: remoteAddressOf(transport) });
    this.owner.move = {
      moved: (report) => {
        this.moved = undefined;
        const migrated: MigrationReport = Object.freeze({ ...report, from, to });
        moved?.resolve(migrated);
        return migrated;
      },
    };
    this.isGoingOver = true;
    super.linkLost(old, MOVED);
    this.isGoingOver = false;
    this.readOn();
    guard(NO_OWNER, () => old.transport.abort(MOVED));
    if (this.isOver) {
      guard(NO_OWNER, () => transport.abort(MOVED));
      return;
    }
    this.connector.current = trial.connector;
    this.kind = to.transport;
    this.remoteAddress = to.remoteAddress;
    this.link = link;
    trial.take();
    if (answer === undefined) answers.isAlreadyAsked(resumes.session);
    else answers.answered(link, resumes, answer);
    const others = [...this.sessions.values()].filter((session) => session !== resumes.session);
    answers.ask(link, others);
    if (this.link !== link) return;
    this.words.askOn(link);
    this.awaitAnswers(link);
    this.goOn();
  }

  /** From now on nothing more is received: what the server is told of it stays true. */
  private holdReading(): void {
    const paused = this.isPaused;
    super.pause();
    this.wanted = { paused };
  }

  private readOn(): void {
    const { wanted } = this;
    this.wanted = undefined;
    if (wanted?.paused === false) super.resume();
  }
}
