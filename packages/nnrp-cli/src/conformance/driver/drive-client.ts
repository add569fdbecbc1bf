import { NnrpClient } from 'nnrp-runtime';
import { selectRoute } from 'nnrp-runtime/transport';
import { acceptedEvidence, candidateEvidence, type DriverOutcome } from './evidence.js';
import { connectorOf, type RoutePlan } from './route-plan.js';
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
  const selection = selectRoute(
    plans.map(({ candidate }) => candidate),
    { probes: 'none' },
  );
  const taken = plans.find(({ candidate }) => candidate === selection.selected);
  const common = {
    application_endpoint: scenario.applicationEndpoint,
    candidates: plans.map((plan) => {
      const rated = selection.candidates.find(({ providerId }) => providerId === plan.route.providerId);
      return candidateEvidence(plan, plan === taken, rated?.rejection);
    }),
    listeners: [],
    atomic_rollback: false,
    logical_set_closed: false,
  };
  if (taken === undefined)
    return { terminal: 'error', message: selection.error ?? '', evidence: { ...common, accepted_sessions: [] } };
  const client = await NnrpClient.connect(await connectorOf(taken), { ...CONFIG, signal });
  try {
    const session = await client.openSession();
    await session.close();
  } finally {
    await client.close();
  }
  return { terminal: 'success', evidence: { ...common, accepted_sessions: [acceptedEvidence(taken)] } };
}
