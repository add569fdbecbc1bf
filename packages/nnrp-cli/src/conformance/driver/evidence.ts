import type { RoutePlan } from './route-plan.js';

type ListenerState = 'opened' | 'rolled_back' | 'accepted' | 'closed' | 'failed';

/** A listener as the suite wants to hear of it. */
export interface ListenerEvidence {
  readonly transport: string;
  readonly provider_id: string;
  readonly requested_locator: string;
  bound_endpoint?: string;
  state: ListenerState;
}

/** What became of a scenario. */
export interface DriverOutcome {
  readonly terminal: 'success' | 'error';
  readonly message?: string;
  readonly evidence: RouteEvidence;
}

export interface RouteEvidence {
  readonly application_endpoint: string;
  readonly candidates: readonly object[];
  readonly listeners: readonly ListenerEvidence[];
  readonly accepted_sessions: readonly object[];
  readonly atomic_rollback: boolean;
  readonly logical_set_closed: boolean;
  readonly terminal_failure?: string;
}

/** A candidate, and why it was not taken where there is a reason. */
export function candidateEvidence(
  { route, endpoint, isSecuritySatisfied, rejection }: RoutePlan,
  isSelected: boolean,
): object {
  return {
    transport: route.transport,
    provider_id: route.providerId,
    requested_locator: route.requestedLocator,
    locator_resolved: endpoint !== undefined,
    security_satisfied: isSecuritySatisfied,
    selected: isSelected,
    ...(rejection && { rejection_reason: rejection }),
  };
}

export function acceptedEvidence({ route: { transport, providerId } }: RoutePlan): object {
  return { transport, provider_id: providerId, active_transport: transport };
}

export function listenerEvidence({ route }: RoutePlan): ListenerEvidence {
  const { transport, providerId, requestedLocator } = route;
  return { transport, provider_id: providerId, requested_locator: requestedLocator, state: 'failed' };
}
