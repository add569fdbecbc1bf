import { LinkedQueue, type Place } from '../../base/queues/linked-queue.js';
import { boundOf, type Stranger, Strangers } from '../../transport/listening/strangers.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { CountedRefusals, MAX_REFUSED_GROUPS, type RefusalTerms } from './counted-refusals.js';

/** Connections above maxConnections that are kept for as long as it takes to tell them so. */
const MAX_TURNED_AWAY = 64;
/** Wrong tokens for one session, from whatever addresses: a fifth of them is answered at once. */
const MAX_SESSION_REFUSALS = 50;
/** Milliseconds that they have to ask for a session. */
const TURNED_AWAY_MS = 2000;

/**
 * How a newcomer is received: taken; taken only to be told that there is no room; or not at all, because its address has
 * guessed too often.
 */
export type Reception = 'taken' | 'turned away' | 'shut out';

/** Decides which connections may stay while the server knows nothing of them but their address. */
export class Admission {
  private readonly strangers: Strangers<Stranger>;
  private readonly refusals: CountedRefusals;
  /** The same by the session that was asked for, whether or not there is one. */
  private readonly resumeRefusals: CountedRefusals;
  /** Those that are told that there is no room. */
  private readonly turnedAway = new Map<Stranger, Place<Stranger>>();
  private readonly turnedAwayByAge = new LinkedQueue<Stranger>();

  /**
   * @param connectionCount - of the server, those that are being closed included, without those that are turned away
   * @param cutClosing - cuts the one that has been closing for longest; false when there is none
   */
  constructor(
    private readonly config: NnrpServerConfig,
    private readonly bounds: ServerBounds,
    private readonly connectionCount: () => number,
    private readonly cutClosing: () => boolean,
  ) {
    const { maxUnopenedConnections: inAll, maxUnopenedPerAddress: perAddress } = config;
    this.strangers = new Strangers({ inAll, perAddress }, (bound) =>
      bounds.hit(bound === 'inAll' ? 'unopenedConnections' : 'addressUnopened'),
    );
    const { refusalsPerAddress, refusalPauseMs } = config;
    this.refusals = new CountedRefusals(
      refusalsPerAddress,
      refusalPauseMs,
      () => bounds.hit('addressRefusals'),
      () => bounds.hit('refusedAddresses'),
    );
    this.resumeRefusals = new CountedRefusals(
      MAX_SESSION_REFUSALS,
      refusalPauseMs,
      () => bounds.hit('sessionRefusals'),
      () => bounds.hit('refusedSessions'),
    );
    this.declareBounds();
  }

  /** @param group - of the newcomer's address */
  receive(group: string | undefined): Reception {
    if (this.refusals.isShut(group)) return 'shut out';
    if (this.connectionCount() < this.config.maxConnections) return 'taken';
    if (this.cutClosing()) {
      this.bounds.hit('closingConnections');
      return 'taken';
    }
    this.bounds.hit('connections');
    if (this.strangers.giveUpOne()) return 'taken';
    return 'turned away';
  }

  /**
   * The connection has no session: it has just come, or its last session has ended.
   * @returns milliseconds that it may take to open one: where many are without, each has half the time
   */
  unopened(connection: Stranger): number {
    this.strangers.add(connection);
    const { handshakeTimeoutMs } = this.config;
    return this.strangers.isCrowded(connection) ? Math.ceil(handshakeTimeoutMs / 2) : handshakeTimeoutMs;
  }

  /** The connection has a session. */
  opened(connection: Stranger): void {
    this.strangers.delete(connection);
  }

  /** The connection is to be told that there is no room. @returns milliseconds that it may take to ask */
  turnAway(connection: Stranger): number {
    const { oldest } = this.turnedAwayByAge;
    if (this.turnedAway.size >= MAX_TURNED_AWAY && oldest !== undefined) {
      this.left(oldest);
      oldest.makeRoom();
      this.bounds.hit('turnedAway');
    }
    this.turnedAway.set(connection, this.turnedAwayByAge.push(connection));
    return Math.min(TURNED_AWAY_MS, this.config.handshakeTimeoutMs);
  }

  /** Whether connections of this address without a session are not read at the moment. */
  isShutOut(group: string | undefined): boolean {
    return this.refusals.isShut(group);
  }

  /** A policy has refused an open from this address for good: perhaps a guess. */
  refused(group: string | undefined): RefusalTerms {
    return this.refusals.add(group);
  }

  /**
   * A resume from this address was refused: perhaps a guess. The refusals of one session are slowed down, too, but end no
   * connection: a stranger could have others closed by them. Its right token is not held up by any.
   */
  refusedResume(group: string | undefined, sessionId: number): RefusalTerms {
    const { delayMs, isLast } = this.refusals.add(group);
    return { delayMs: Math.max(delayMs, this.resumeRefusals.add(String(sessionId)).delayMs), isLast };
  }

  /** The connection is over. */
  gone(connection: Stranger): void {
    this.strangers.delete(connection);
  }

  /** The transport of the connection is gone, too. */
  left(connection: Stranger): void {
    const link = this.turnedAway.get(connection);
    if (link === undefined) return;
    this.turnedAway.delete(connection);
    this.turnedAwayByAge.remove(link);
  }

  /** The server is closing: there is no time for those that have no place. */
  end(): void {
    for (const connection of [...this.turnedAway.keys()]) connection.makeRoom();
  }

  private declareBounds(): void {
    const { bounds, config, strangers, refusals, resumeRefusals } = this;
    const { maxUnopenedConnections, maxUnopenedPerAddress, refusalsPerAddress } = config;
    bounds.add('unopenedConnections', 'server', boundOf(maxUnopenedConnections), () => strangers.size);
    bounds.add('addressUnopened', 'address', boundOf(maxUnopenedPerAddress), () => strangers.mostOfAnAddress);
    bounds.add('turnedAway', 'server', MAX_TURNED_AWAY, () => this.turnedAway.size);
    bounds.add('addressRefusals', 'address', boundOf(refusalsPerAddress), () => refusals.most);
    bounds.add('refusedAddresses', 'server', MAX_REFUSED_GROUPS, () => refusals.size);
    bounds.add('sessionRefusals', 'session', MAX_SESSION_REFUSALS, () => resumeRefusals.most);
    bounds.add('refusedSessions', 'server', MAX_REFUSED_GROUPS, () => resumeRefusals.size);
  }
}
