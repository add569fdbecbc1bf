import { IdMap, type NnrpError, type ProtocolError, TransportError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { observer } from '../../base/diagnostics/observer.js';
import type { Guarded } from '../../base/guard.js';
import type { DeadlineQueue } from '../../base/time/deadline-queue.js';
import { Patience } from '../../base/time/patience.js';
import type { Dialect } from '../../connection/revision/dialect.js';
import type { ServerMemory } from '../bounds/server-memory.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type {
  HandlerFailure,
  ProtocolViolation,
  SessionExpired,
  SessionResumed,
  SessionSuspended,
} from '../contract/server-events.js';
import type { ServerSession } from '../session/server-session.js';
import { AwayPlace, type HeldWhileAway } from './away-place.js';
import type { OutlivedConnection } from './changing-connection.js';
import type { ClientPlace } from './client-place.js';
import { ResumeTokens, TokenHashes } from './resume-tokens.js';
import { type PortServer, SessionPort } from './session-port.js';
import { SuspendedShares } from './suspended-shares.js';

/** The ids in use on a server, as far as resumable sessions are concerned. */
export interface ResumableIds {
  release(sessionId: number, session: ServerSession): void;
  reserve(sessionId: number): void;
  freeReserved(sessionId: number): void;
}

/** What resumable sessions need of their server. */
export interface ResumableOwner extends Guarded {
  readonly config: NnrpServerConfig;
  readonly bounds: ServerBounds;
  readonly memory: ServerMemory;
  readonly deadlines: DeadlineQueue;
  isDraining(): boolean;
  /** The ids in use. */
  readonly table: ResumableIds;
  sessionEnded(session: ServerSession): void;
  sessionSuspended(event: SessionSuspended): void;
  sessionResumed(event: SessionResumed): void;
  sessionExpired(event: SessionExpired): void;
  protocolViolation(violation: ProtocolViolation): void;
  handlerFailed(failure: HandlerFailure): void;
  internalError(error: unknown, remoteAddress: string): void;
}

/**
 * What one connection may have of sessions that were resumed on it: all that suspended sessions may hold, what waited behind
 * that, and as much that is new as may wait to be sent.
 */
export function mostResumedBytes(config: NnrpServerConfig): number {
  return config.maxSuspendedBytesTotal * 1.5 + config.maxOutboxBytes;
}

/** A session without a connection. */
interface Suspension {
  /** Why its connection was lost; not the error itself, which would hold that connection. Undefined when the session is over. */
  readonly why: string | undefined;
  readonly sinceMs: number;
  readonly patience: Patience;
}

/** The sessions of a server that can be resumed, and what it does for those that have no connection. */
export class ResumableSessions implements PortServer {
  private readonly ports = new IdMap<SessionPort>();
  private readonly suspensions = new Map<SessionPort, Suspension>();
  /** Of the suspensions those of sessions that are over, whose clients may come for the rest. */
  private restCount = 0;
  private isKeeping = false;
  private readonly shares = new SuspendedShares();
  private readonly heldResults: HeldWhileAway;
  private readonly hashes = new TokenHashes();

  constructor(private readonly owner: ResumableOwner) {
    const { bounds, config } = owner;
    bounds.add('suspendedSessions', 'server', config.maxSuspendedSessions, () => this.suspensions.size);
    // They wait from half of it on: so much as what is left of it.
    this.heldResults = { bytes: 0, maxBytes: config.maxSuspendedBytesTotal / 2 };
    bounds.add('suspendedBytes', 'server', config.maxSuspendedBytesTotal, () => this.shares.byteLength);
    bounds.add('suspendedResultBytes', 'server', this.heldResults.maxBytes, () => this.heldResults.bytes);
  }

  get bounds(): ServerBounds {
    return this.owner.bounds;
  }

  get deadlines(): DeadlineQueue {
    return this.owner.deadlines;
  }

  get isDraining(): boolean {
    return this.owner.isDraining();
  }

  /** Sessions without a connection. */
  get suspendedCount(): number {
    return this.suspensions.size - this.restCount;
  }

  /** Bytes that are kept for them. */
  get suspendedBytes(): number {
    return this.shares.byteLength;
  }

  /** A session that can be resumed is about to be opened. @returns its port, and the token for its client */
  open(connection: OutlivedConnection, sessionId: number): { readonly port: SessionPort; readonly token: Uint8Array } {
    const tokens = new ResumeTokens(this.hashes, this.owner.config.resumeTokenBytes);
    const token = tokens.issue();
    const before = this.ports.get(sessionId);
    if (before !== undefined) this.forget(before);
    const port = new SessionPort(connection, sessionId, tokens, this);
    this.ports.set(sessionId, port);
    return { port, token };
  }

  /**
   * The session that a request names by its token; it takes as long when there is none.
   * @param token - empty when only its length was announced
   */
  find(open: preview3.SessionOpen, token: Uint8Array, place: ClientPlace, dialect: Dialect): SessionPort | undefined {
    const port = this.ports.get(open.requestedSessionId);
    const isAnnouncedOnly = token.length === 0 && this.owner.config.acceptAnnouncedResume;
    const isRight = this.tokensOf(port).accepts(token) || isAnnouncedOnly;
    const session = port?.session;
    if (port === undefined || session === undefined || !isRight || port.dialect !== dialect) return undefined;
    const { acceptedProfileId, schemaId, schemaVersion } = session.ack;
    if (open.profileId !== acceptedProfileId) return undefined;
    if (open.schemaId !== schemaId || open.schemaVersion !== schemaVersion) return undefined;
    // Before the connection that it is on is given up for it.
    const canBe = port.isAway ? port.canGoOnFrom(place) : port.mayHaveReceived(place);
    return canBe ? port : undefined;
  }

  /** Whether a token by which no session was found may be a guess; it takes as long when there is no such session. */
  isGuess({ requestedSessionId }: preview3.SessionOpen, token: Uint8Array): boolean {
    return !this.tokensOf(this.ports.get(requestedSessionId)).knows(token);
  }

  /** Whether it can still be resumed. */
  knows(port: SessionPort): boolean {
    return this.ports.get(port.sessionId) === port;
  }

  /**
   * Whether the id is kept for the client of a session that is over: it may come for the rest. On the connection that the
   * session was on it may be asked for again.
   */
  keepsId(sessionId: number, connection: object): boolean {
    const port = this.ports.get(sessionId);
    return port !== undefined && port.current !== connection;
  }

  /** A packet of a session that is over has come on this connection. */
  heard(sessionId: number, connection: object): void {
    const port = this.ports.get(sessionId);
    if (port?.current === connection) port.heard();
  }

  /** The session has a connection again. */
  resumed(port: SessionPort): void {
    const suspension = this.suspensions.get(port);
    if (suspension === undefined) return;
    this.endSuspension(port, suspension);
    if (port.session?.isOver !== false) return;
    const awayMs = Math.max(0, Math.round(performance.now() - suspension.sinceMs));
    const { sessionId, remoteAddress } = port;
    this.bounds.tally.resumedSessions++;
    observer?.recovery('resume', { role: 'server', sessionId, remoteAddress, awayMs });
    this.owner.sessionResumed({ sessionId, remoteAddress, awayMs });
  }

  awayPlace(port: SessionPort): AwayPlace {
    const { memory, config, bounds } = this.owner;
    return new AwayPlace(memory, config, bounds, port, () => this.isFull(port), this.heldResults);
  }

  suspended(port: SessionPort, error: NnrpError): void {
    const { sessionId, remoteAddress } = port;
    // It counts before it is told of, and is told of before it, or another one, has to give way.
    this.waits(port, error.rawMessage);
    this.bounds.tally.suspendedSessions++;
    observer?.recovery('suspend', { role: 'server', sessionId, remoteAddress, error });
    this.owner.sessionSuspended({ sessionId, remoteAddress, error, windowMs: this.owner.config.resumeWindowMs });
    this.keepBounds();
  }

  keepRest(port: SessionPort): void {
    // Another session has its id by now, so no client can ask for this one.
    if (!this.knows(port)) {
      port.clear();
      return;
    }
    this.restCount++;
    this.waits(port, undefined);
    this.keepBounds();
  }

  kept(port: SessionPort, bytes: number): void {
    if (!this.suspensions.has(port)) return;
    this.shares.count(port, bytes);
    this.keepBounds();
  }

  forget(port: SessionPort): void {
    const { sessionId } = port;
    if (this.ports.get(sessionId) === port) {
      this.ports.delete(sessionId);
      this.owner.table.freeReserved(sessionId);
    }
    const suspension = this.suspensions.get(port);
    if (suspension !== undefined) this.endSuspension(port, suspension);
    port.clear();
  }

  isFull(port: SessionPort): boolean {
    const { maxSuspendedBytes, maxSuspendedBytesTotal } = this.owner.config;
    return port.keptBytes >= maxSuspendedBytes || this.shares.byteLength * 2 >= maxSuspendedBytesTotal;
  }

  get maxResumedBytes(): number {
    return mostResumedBytes(this.owner.config);
  }

  reserveId(port: SessionPort): void {
    if (this.knows(port)) this.owner.table.reserve(port.sessionId);
  }

  ended(port: SessionPort): void {
    const suspension = this.suspensions.get(port);
    if (suspension === undefined) return;
    this.endSuspension(port, suspension);
    if (port.session === undefined) return;
    this.owner.table.release(port.sessionId, port.session);
    this.owner.sessionEnded(port.session);
  }

  report(remoteAddress: string, sessionId: number, error: ProtocolError): void {
    this.owner.protocolViolation({ remoteAddress, sessionId, error });
  }

  handlerFailed(failure: HandlerFailure): void {
    this.owner.handlerFailed(failure);
  }

  internalError(error: unknown, remoteAddress: string): void {
    this.owner.internalError(error, remoteAddress);
  }

  /** Room for another session is needed. @returns whether a suspended one has been given up */
  makeRoom(): boolean {
    const port = this.shares.oldestOfMost();
    this.giveUp(port);
    return port !== undefined;
  }

  private tokensOf(port: SessionPort | undefined): ResumeTokens {
    return port?.tokens ?? new ResumeTokens(this.hashes, 1);
  }

  private waits(port: SessionPort, why: string | undefined): void {
    // From the loss of the connection on, also for the rest of a session that has ended since.
    const sinceMs = port.awaySinceMs;
    const leftMs = Math.max(0, sinceMs + this.owner.config.resumeWindowMs - performance.now());
    const patience = new Patience(this.owner, Math.ceil(leftMs), () => this.expire(port)).unref();
    this.suspensions.set(port, { why, sinceMs, patience });
    this.shares.add(port);
    this.shares.count(port, port.keptBytes);
  }

  private keepBounds(): void {
    // What a session that is given up leaves is looked at in the same loop.
    if (this.isKeeping) return;
    this.isKeeping = true;
    try {
      this.makeRoomWithin();
    } finally {
      this.isKeeping = false;
    }
  }

  private makeRoomWithin(): void {
    const { maxSuspendedSessions, maxSuspendedBytesTotal } = this.owner.config;
    while (this.suspensions.size > maxSuspendedSessions) {
      this.bounds.hit('suspendedSessions');
      this.giveUp(this.shares.oldestOfMost());
    }
    while (this.shares.byteLength > maxSuspendedBytesTotal) {
      this.bounds.hit('suspendedBytes');
      this.giveUp(this.shares.oldestOfLargest());
    }
  }

  private endSuspension(port: SessionPort, { patience, why }: Suspension): void {
    patience.end();
    if (why === undefined) this.restCount--;
    this.suspensions.delete(port);
    this.shares.delete(port);
  }

  private expire(port: SessionPort): void {
    this.end(port, `was not resumed within ${this.owner.config.resumeWindowMs} ms`);
  }

  private giveUp(port: SessionPort | undefined): void {
    if (port !== undefined) this.end(port, 'was given up: more is suspended than may be');
  }

  private end(port: SessionPort, why: string): void {
    const suspension = this.suspensions.get(port);
    if (suspension === undefined) return;
    const { sessionId, remoteAddress } = port;
    if (port.session?.isOver !== false) {
      this.forget(port);
      return;
    }
    const error = new TransportError(`session ${sessionId} ${why}`, {
      cause: new TransportError(suspension.why ?? why),
    });
    // No client can ask for its packets any more. As the rest of a session that is over they would be counted once more,
    // and other sessions would be given up for them.
    if (this.knows(port)) this.ports.delete(sessionId);
    port.session.end(error);
    this.forget(port);
    this.bounds.tally.lostSessions++;
    observer?.recovery('lose', { role: 'server', sessionId, remoteAddress, error });
    this.owner.sessionExpired({ sessionId, remoteAddress, error });
  }
}
