import { UsageError } from 'nnrp-core';
import { compareScores, type ProbeSample, type RouteScore, scoreOf } from './probe-score.js';
import { ROUTE_TRANSPORT_IDS, type RouteTransport, rankOf, type TransportProvider } from './providers.js';

/** Which transports may be taken; one that is preferred wins only what measurements leave open. */
export type RoutePolicy = 'auto' | `prefer_${RouteTransport}` | `force_${RouteTransport}`;

/** Why a candidate is not taken: the first that applies. */
export type RouteRejection =
  | 'policy-disallowed'
  | 'local-unavailable'
  | 'peer-unsupported'
  | 'limit-exceeded'
  | 'route-unresolved'
  | 'security-unsatisfied'
  | 'probe-missing'
  | 'probe-failed';

/** A provider with the route that it would take. */
export interface RouteCandidate extends TransportProvider {
  /** Whether there is a locator for it; default true. */
  readonly isRouteResolved?: boolean | undefined;
  /** Whether its route is as secure as the application asks; default true. */
  readonly isSecuritySatisfied?: boolean | undefined;
}

export interface RouteTerms {
  /** Default auto. */
  readonly policy?: RoutePolicy | undefined;
  /** Transports that the peer has; default all. */
  readonly peerSupported?: Iterable<RouteTransport> | undefined;
  /** Longest packet that is to be carried, in bytes; default 0, which all can. */
  readonly requestedMaxFrameBytes?: number | undefined;
  /**
   * What probes have measured, by provider id. A candidate without is `probe-missing` when several are left. `none`: nothing was
   * to be measured, and the rest of the order decides.
   */
  readonly probes?: ReadonlyMap<string, readonly ProbeSample[]> | 'none' | undefined;
}

/** A candidate, and what has become of it. */
export interface RatedRoute {
  readonly transport: RouteTransport;
  readonly providerId: string;
  /** Its place among those that can be taken, 0 is the one that is; undefined for what is rejected. */
  readonly rank: number | undefined;
  readonly rejection: RouteRejection | undefined;
}

export interface RouteSelection {
  /** Those that can be taken by rank, then the others by transport id and provider id. */
  readonly candidates: readonly RatedRoute[];
  /** The provider that is taken. */
  readonly selected: TransportProvider | undefined;
  /** Why none is. */
  readonly error: 'no_viable_transport' | 'forced_transport_unavailable' | undefined;
}

const DEFAULT_MAX_FRAME_BYTES = 64 * 1024 * 1024;

/**
 * The candidates that probes would have to tell apart: those with no reason against them. One alone is taken without a probe.
 *
 * @throws UsageError on a policy that is none
 */
export function eligibleRoutes<C extends RouteCandidate>(candidates: readonly C[], terms: RouteTerms = {}): C[] {
  return candidates.filter((candidate) => reasonAgainst(candidate, terms) === undefined);
}

/**
 * Chooses the provider by which to connect. The more successful probes win, then the higher median throughput, the lower median
 * round trip, the lower cost, the preferred transport, the lower rank, the lower transport id, the id.
 *
 * @throws UsageError on a policy that is none
 */
export function selectRoute(candidates: readonly RouteCandidate[], terms: RouteTerms = {}): RouteSelection {
  const { policy = 'auto', probes } = terms;
  const [stance, transport] = readPolicy(policy);
  const reasons = new Map<RouteCandidate, RouteRejection>();
  for (const candidate of candidates) {
    const reason = reasonAgainst(candidate, terms);
    if (reason !== undefined) reasons.set(candidate, reason);
  }
  let left = candidates.filter((candidate) => !reasons.has(candidate));
  const scores = new Map<RouteCandidate, RouteScore>();
  if (left.length > 1 && probes !== 'none') {
    for (const candidate of left) {
      const score = scoreOf(probes?.get(candidate.id) ?? []);
      if (typeof score === 'string') reasons.set(candidate, score);
      else scores.set(candidate, score);
    }
    left = left.filter((candidate) => !reasons.has(candidate));
  }
  const preferred = stance === 'prefer' ? transport : undefined;
  left.sort((one, other) => order(one, other, scores, preferred));
  const rejected = candidates.filter((candidate) => reasons.has(candidate)).sort(byTransportAndId);
  return {
    candidates: [
      ...left.map((candidate, rank) => rated(candidate, rank, undefined)),
      ...rejected.map((candidate) => rated(candidate, undefined, reasons.get(candidate))),
    ],
    selected: left[0],
    error: left.length > 0 ? undefined : stance === 'force' ? 'forced_transport_unavailable' : 'no_viable_transport',
  };
}

function rated({ id, transport }: RouteCandidate, rank: number | undefined, rejection: RouteRejection | undefined) {
  return { transport, providerId: id, rank, rejection };
}

function reasonAgainst(candidate: RouteCandidate, terms: RouteTerms): RouteRejection | undefined {
  const { transport, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES } = candidate;
  const { policy = 'auto', peerSupported, requestedMaxFrameBytes = 0 } = terms;
  const [stance, wanted] = readPolicy(policy);
  if (stance === 'force' && wanted !== transport) return 'policy-disallowed';
  if (candidate.isAvailable === false) return 'local-unavailable';
  if (peerSupported !== undefined && ![...peerSupported].includes(transport)) return 'peer-unsupported';
  if (requestedMaxFrameBytes > maxFrameBytes) return 'limit-exceeded';
  if (candidate.isRouteResolved === false) return 'route-unresolved';
  return candidate.isSecuritySatisfied === false ? 'security-unsatisfied' : undefined;
}

function readPolicy(policy: RoutePolicy): readonly ['auto' | 'prefer' | 'force', RouteTransport | undefined] {
  if (policy === 'auto') return ['auto', undefined];
  const [, stance, transport = ''] = /^(prefer|force)_(.+)$/.exec(String(policy)) ?? [];
  if (stance === undefined || !Object.hasOwn(ROUTE_TRANSPORT_IDS, transport))
    throw new UsageError('policy: expected auto, prefer_X or force_X, X being quic, tcp, ipc or websocket');
  return [stance as 'prefer' | 'force', transport as RouteTransport];
}

function order(
  one: RouteCandidate,
  other: RouteCandidate,
  scores: ReadonlyMap<RouteCandidate, RouteScore>,
  preferred: RouteTransport | undefined,
): number {
  const [first, second] = [scores.get(one), scores.get(other)];
  const measured = first === undefined || second === undefined ? 0 : compareScores(first, second);
  if (measured !== 0) return measured;
  const { costModelId: model = 0, costUnits: units = 0 } = one;
  const { costModelId: otherModel = 0, costUnits: otherUnits = 0 } = other;
  if (model !== 0 && model === otherModel && units !== otherUnits) return units - otherUnits;
  if (one.transport !== other.transport) {
    if (one.transport === preferred) return -1;
    if (other.transport === preferred) return 1;
  }
  return rankOf(one) - rankOf(other) || byTransportAndId(one, other);
}

function byTransportAndId(one: RouteCandidate, other: RouteCandidate): number {
  const ids = ROUTE_TRANSPORT_IDS[one.transport] - ROUTE_TRANSPORT_IDS[other.transport];
  return ids || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
}
