import type { ListenerBound, ListenerBoundName } from '../../transport/contract/contract.js';
import { ServerTally } from './server-counters.js';

/** What a bound holds for: the whole server, or each connection, session or peer address by itself. */
export type BoundScope = 'server' | 'connection' | 'session' | 'address';

/** Everything that a server bounds. A name ends in what is counted. */
export type BoundName =
  | 'connections'
  /** Of the connections those that are over, but whose transport is not; a hit is one that was cut to make room. */
  | 'closingConnections'
  /** Connections whose client has not taken all that was sent; a hit is one that was given up after stallTimeoutMs. */
  | 'slowConnections'
  | 'sessions'
  | 'connectionSessions'
  /** Sessions without a connection that can be resumed; a hit is one that was given up. */
  | 'suspendedSessions'
  /** What is kept for them; a hit is a session that was given up. */
  | 'suspendedBytes'
  /** Results that wait because so much is kept for suspended sessions; a hit is one that was refused. */
  | 'suspendedResultBytes'
  /** Kept for sessions that were resumed, until their clients take it; a hit is a connection that was ended. */
  | 'resumedBytes'
  /** Sent for sessions that can be resumed, and not confirmed by their client; a hit is when senders have to wait for that. */
  | 'unconfirmedBytes'
  /** The same of all connections of the process; a hit is when senders have to wait earlier because of it. */
  | 'serverUnconfirmedBytes'
  | 'runningOperations'
  /** Submits whose handler runs, with 1 KiB for each. */
  | 'runningBytes'
  | 'queuedOperations'
  | 'suspendedOperations'
  | 'connectionRunningOperations'
  | 'connectionRunningBytes'
  | 'connectionQueuedOperations'
  | 'connectionSuspendedOperations'
  | 'stuckHandlers'
  | 'heldResults'
  | 'heldResultBytes'
  | 'outboxBytes'
  /** Results that wait for room in the outbox; a hit is one that did not, and met `slowReader`. */
  | 'waitingResultBytes'
  | 'cacheObjects'
  | 'cacheBytes'
  | 'connectionCacheBytes'
  | 'serverCacheBytes'
  | 'schemas'
  | 'queuedSubmits'
  | 'queuedBytes'
  | 'connectionQueuedBytes'
  | 'serverQueuedBytes'
  | 'unreadEvents'
  | 'connectionOpeningBytes'
  | 'serverOpeningBytes'
  | 'serverHelloBytes'
  | 'packetBytes'
  | 'unansweredRequests'
  /** Events `protocolViolation` and `peerError` about one connection in a minute; a hit is a fault that was not told of. */
  | 'toldFaults'
  | 'unopenedConnections'
  | 'addressUnopened'
  | 'turnedAway'
  | 'addressRefusals'
  | 'refusedAddresses'
  | 'sessionRefusals'
  | 'refusedSessions'
  | ListenerBoundName;

/** How far something is from its bound. */
export interface BoundStats {
  readonly scope: BoundScope;
  /** How much there is now; of the fullest one where the bound holds for each connection, session or address. */
  readonly value: number;
  /** How much there may be; Infinity when there is no limit. */
  readonly bound: number;
  /** How often something was refused, cut or made to wait because of it, since the server began. */
  readonly hits: number;
}

/** Every bounded thing of a server, by name. */
export type ServerStats = { readonly [Name in BoundName]?: BoundStats };

/** A bound was reached. At most once a second for each name; `hits` counts them all. */
export interface BoundReached extends BoundStats {
  readonly name: BoundName;
}

interface Bound {
  readonly scope: BoundScope;
  readonly bound: number;
  readonly value: () => number;
  hits: number;
  toldMs: number;
}

/** Milliseconds between two events of one name. */
const EVENT_INTERVAL_MS = 1000;

/** The bounds of one server: declared where they are kept, counted where they are hit. */
export class ServerBounds {
  private readonly bounds = new Map<BoundName, Bound>();
  /** What else happens is counted beside them. */
  readonly tally = new ServerTally();

  /** @param reached - tells the application */
  constructor(private readonly reached: (event: BoundReached) => void) {}

  /**
   * @param bound - Infinity when there is no limit
   * @param value - how much there is now; called by `stats` and for events only, so it may walk
   */
  add(name: BoundName, scope: BoundScope, bound: number, value: () => number): void {
    this.bounds.set(name, { scope, bound, value, hits: 0, toldMs: Number.NEGATIVE_INFINITY });
  }

  /** What a listener bounds; it counts its hits by `hit`, like all others. */
  addAll(ofListener: readonly ListenerBound[]): void {
    for (const { name, scope, bound, value } of ofListener) this.add(name, scope, bound, value);
  }

  /** Something was refused, cut or made to wait because of the bound. */
  hit(name: BoundName): void {
    const bound = this.bounds.get(name);
    if (bound === undefined) return;
    bound.hits++;
    const nowMs = performance.now();
    if (nowMs - bound.toldMs < EVENT_INTERVAL_MS) return;
    bound.toldMs = nowMs;
    this.reached({ name, ...statsOf(bound) });
  }

  stats(): ServerStats {
    return Object.fromEntries([...this.bounds].map(([name, bound]) => [name, statsOf(bound)]));
  }
}

function statsOf({ scope, value, bound, hits }: Bound): BoundStats {
  return { scope, value: value(), bound, hits };
}
