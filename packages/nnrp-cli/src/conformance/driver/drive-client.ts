import { NnrpClient } from 'nnrp-runtime';
import { acceptedEvidence, candidateEvidence, type DriverOutcome } from './evidence.js';
import { clientTransports, type RoutePlan } from './route-plan.js';
import type { Scenario } from './scenario.js';

/** A route is taken once, and nothing weaker takes its place. */
const CONFIG = { revision: 'preview4', reconnect: 'never', keepAliveMs: 0 } as const;

/**
 * Takes one of the routes, opens a session on it and closes it.
 *
 * @throws (as a rejection) when the route that is taken does not lead to a session
 */
export async function driveClient(
  scenario: Scenario,
  plans: readonly RoutePlan[],
  signal: AbortSignal,
): Promise<DriverOutcome> {
  const eligible = plans.filter(({ rejection }) => rejection === undefined);
  const taken = eligible.length === 0 ? undefined : await sessionOver(scenario.applicationEndpoint, eligible, signal);
  return {
    terminal: taken === undefined ? 'error' : 'success',
    ...(taken === undefined && { message: 'no route can be taken' }),
    evidence: {
      application_endpoint: scenario.applicationEndpoint,
      candidates: plans.map((plan) => candidateEvidence(plan, plan === taken)),
      listeners: [],
      accepted_sessions: taken === undefined ? [] : [acceptedEvidence(taken)],
      atomic_rollback: false,
      logical_set_closed: false,
    },
  };
}

/** @returns the route by which the session was opened */
async function sessionOver(
  endpoint: string,
  plans: readonly RoutePlan[],
  signal: AbortSignal,
): Promise<RoutePlan | undefined> {
  const routes = plans.map(({ hostRoute }) => hostRoute);
  const client = await NnrpClient.connect(endpoint, {
    ...CONFIG,
    routes,
    transports: clientTransports(plans),
    signal,
  });
  try {
    const { transport } = client.toJSON();
    const session = await client.openSession();
    // The suite has its session; it may go away before it answers the close.
    await session.close().catch(() => signal.throwIfAborted());
    return plans.find(({ route }) => route.transport === transport);
  } finally {
    await client.close();
  }
}
