import { setImmediate as turn } from 'node:timers/promises';
import { printable } from 'nnrp-core';
import type { NnrpServer, NnrpServerSession, ServerCounters, SessionStats } from 'nnrp-runtime';
import type { LiveOperations } from '../live-operations.js';

/** Sessions that one turn looks at, half a millisecond: the server's own work goes in between, and every turn may wait for it. */
const SESSIONS_A_TURN = 2000;
const MOST_ROWS = 200;
const MOST_OPERATIONS = 100;
const MOST_TEXT_BYTES = 200;

/** By what sessions can be sorted. */
export const SORTS = [
  'sessionId',
  'ageMs',
  'inFlight',
  'queuedSubmits',
  'queuedBytes',
  'heldResults',
  'outboxBytes',
  'roundTripMs',
  'operations',
  'drops',
] as const satisfies readonly (keyof SessionStats)[];
export type Sort = (typeof SORTS)[number];

/** Which sessions are looked at. */
export interface SessionQuery {
  readonly sort: Sort;
  readonly descending: boolean;
  readonly suspendedOnly: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** A part of the list of sessions. */
export interface SessionPage {
  /** How many there are of what was asked for. */
  readonly total: number;
  readonly rows: readonly SessionStats[];
}

/** A server as a whole. */
export interface Overview {
  readonly state: string;
  readonly addresses: readonly string[];
  readonly sessions: number;
  readonly suspended: number;
  readonly connections: number;
  readonly counters: ServerCounters;
  readonly bounds: ReturnType<NnrpServer['stats']>;
  /** Upper bounds in seconds, and how many operations took as long, not more and not less than the bound before. */
  readonly durations: {
    readonly buckets: readonly number[];
    readonly counts: readonly number[];
    readonly count: number;
  };
}

/** An operation of a session that goes on. */
export interface OperationFacts {
  readonly frameId: number;
  readonly ageMs: number;
  readonly bytes: number;
}

/** What can be seen of a server. Nothing is kept between two looks. */
export class Inspection {
  constructor(
    private readonly server: NnrpServer,
    private readonly operations: LiveOperations,
  ) {}

  overview(): Overview {
    const { server, operations } = this;
    const { state } = server.toJSON() as { readonly state: string };
    return {
      state,
      addresses: server.endpoints.map(({ localAddress }) => localAddress),
      sessions: server.sessionCount,
      suspended: server.suspendedCount,
      connections: server.connectionCount,
      counters: server.counters(),
      bounds: server.stats(),
      durations: { buckets: operations.buckets, counts: operations.durations, count: operations.count },
    };
  }

  /** One page of the sorted list; the others are not sent. */
  async sessions({ sort, descending, suspendedOnly, offset, limit }: SessionQuery): Promise<SessionPage> {
    const all = this.server.sessions();
    const end = offset + Math.min(limit, MOST_ROWS);
    const sign = descending ? -1 : 1;
    if (sort === 'sessionId' && !suspendedOnly) {
      // The page asks so until it is told otherwise. The ids are enough to sort by, so only its rows are looked at.
      all.sort((one, other) => sign * (one.sessionId - other.sessionId));
      return { total: all.length, rows: all.slice(offset, end).map((session) => cleaned(session.stats())) };
    }
    const found: SessionStats[] = [];
    for (let at = 0; at < all.length; at++) {
      if (at % SESSIONS_A_TURN === SESSIONS_A_TURN - 1) await turn();
      const stats = (all[at] as NnrpServerSession).stats();
      if (!suspendedOnly || stats.isSuspended) found.push(stats);
    }
    // What has no round trip yet is the least.
    found.sort((one, other) => sign * ((one[sort] ?? -1) - (other[sort] ?? -1)) || one.sessionId - other.sessionId);
    return { total: found.length, rows: found.slice(offset, end).map(cleaned) };
  }

  /** The oldest operations of one session that go on; undefined when there is no such session. */
  operationsOf(sessionId: number): OperationFacts[] | undefined {
    const session = this.server.session(sessionId);
    if (session === undefined) return undefined;
    const facts: OperationFacts[] = [];
    for (const { frameId, bytes, beganMs } of this.operations.of(session)) {
      if (facts.push({ frameId, bytes, ageMs: performance.now() - beganMs }) === MOST_OPERATIONS) break;
    }
    return facts;
  }
}

/** @returns the query that an object of JSON, or the parameters of a URL, ask for; a text says what is wrong */
export function sessionQuery(given: Readonly<Record<string, unknown>>): SessionQuery | string {
  const { sort = 'sessionId', descending = false, suspendedOnly = false, offset = 0, limit = 50 } = given;
  if (!SORTS.includes(sort as Sort)) return `sort takes one of ${SORTS.join(', ')}`;
  const [from, most] = [Number(offset), Number(limit)];
  if (!Number.isSafeInteger(from) || from < 0) return 'offset takes a whole number';
  if (!Number.isSafeInteger(most) || most < 0 || most > MOST_ROWS) return `limit takes a number of 0 to ${MOST_ROWS}`;
  return {
    sort: sort as Sort,
    descending: isTrue(descending),
    suspendedOnly: isTrue(suspendedOnly),
    offset: from,
    limit: most,
  };
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

/** Text of peers, cleaned and bounded. */
export function shown(text: string): string {
  return printable(text, MOST_TEXT_BYTES);
}

function cleaned(stats: SessionStats): SessionStats {
  const { identity } = stats;
  const remoteAddress = shown(stats.remoteAddress);
  if (identity === undefined) return { ...stats, remoteAddress };
  const texts = Object.entries(identity).map(([name, value]) => [
    name,
    typeof value === 'string' ? shown(value) : value,
  ]);
  return { ...stats, remoteAddress, identity: Object.fromEntries(texts) };
}
