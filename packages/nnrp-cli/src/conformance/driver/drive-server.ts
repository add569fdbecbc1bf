import { setTimeout as sleep } from 'node:timers/promises';
import { NnrpServer } from 'nnrp-runtime';
import { type FramedListener, type FramedTransport, rankOf } from 'nnrp-runtime/transport';
import { errorText } from '../../terminal-text.js';
import { CountedListener } from '../target/counted-listener.js';
import { acceptedEvidence, candidateEvidence, type DriverOutcome, listenerEvidence } from './evidence.js';
import { boundEndpoint, listenerOf, type RoutePlan } from './route-plan.js';
import type { Scenario } from './scenario.js';

/** After the last acknowledgement: a peer that ends at once may lose it. */
const LINGER_MS = 250;

/** What is told once all routes listen. */
export type Ready = (listeners: readonly object[]) => Promise<void>;

/** A listener whose accept fails once it is told to, as the suite wants it. */
class FailingListener extends CountedListener {
  private fail: (error: Error) => void = () => {};
  private readonly failed = new Promise<never>((_, reject) => {
    this.fail = reject;
  });

  constructor(inner: FramedListener) {
    super(inner, () => {});
    this.failed.catch(() => {});
  }

  breakDown(): void {
    this.fail(new Error('the listener has failed, as the scenario says'));
  }

  override accept(): Promise<FramedTransport> {
    return Promise.race([super.accept(), this.failed]);
  }
}

/**
 * Listens on all routes or on none, serves a session on each, and closes all when one of them fails.
 *
 * @throws (as a rejection) when the time is up before each route has had its session
 */
export async function driveServer(
  scenario: Scenario,
  plans: readonly RoutePlan[],
  ready: Ready,
  signal: AbortSignal,
): Promise<DriverOutcome> {
  const evidence = new Map(plans.map((plan) => [plan, listenerEvidence(plan)]));
  const accepted: RoutePlan[] = [];
  const outcome = (terminal: DriverOutcome['terminal'], message: string | undefined, ends: object): DriverOutcome => ({
    terminal,
    ...(message !== undefined && { message }),
    evidence: {
      application_endpoint: scenario.applicationEndpoint,
      candidates: plans.map((plan) => candidateEvidence(plan, terminal === 'success')),
      listeners: plans.map((plan) => evidence.get(plan) as NonNullable<ReturnType<typeof evidence.get>>),
      accepted_sessions: accepted.map(acceptedEvidence),
      atomic_rollback: false,
      logical_set_closed: false,
      ...ends,
    },
  });
  /** The routes by which connections have come, by the address of their peer. */
  const ways = new Map<string, RoutePlan>();
  const failing: FailingListener[] = [];
  const listen = async (plan: RoutePlan): Promise<FramedListener> => {
    if (plan.route.injectedFailures.includes('bind_failure')) throw new Error('cannot bind, as the scenario says');
    const listener = await listenerOf(plan);
    Object.assign(evidence.get(plan) ?? {}, { bound_endpoint: boundEndpoint(plan, listener), state: 'opened' });
    if (plan.route.injectedFailures.includes('terminal_listener_failure')) {
      failing.push(new FailingListener(listener));
      return failing.at(-1) as FramedListener;
    }
    return new CountedListener(listener, (remoteAddress) => ways.set(remoteAddress, plan));
  };
  const closeStates = (state: 'rolled_back' | 'closed') => {
    for (const listener of evidence.values()) if (listener.state !== 'failed') listener.state = state;
  };

  let server: NnrpServer;
  try {
    server = await NnrpServer.listenOn(await openedInOrder(plans, listen), {
      revision: 'preview4',
      listenersTogether: true,
    });
  } catch (error) {
    closeStates('rolled_back');
    return outcome('error', errorText(error), { atomic_rollback: true, logical_set_closed: true });
  }
  try {
    let allEnded = () => {};
    const done = new Promise<void>((resolve) => {
      allEnded = resolve;
    });
    let open = 0;
    const serving = server.serve({
      submit: ({ body }) => body,
      session({ remoteAddress }) {
        open++;
        const way = ways.get(remoteAddress);
        if (way === undefined || accepted.includes(way)) return;
        accepted.push(way);
        Object.assign(evidence.get(way) ?? {}, { state: 'accepted' });
      },
      ended() {
        open--;
        if (open === 0 && accepted.length === plans.length) allEnded();
      },
    });
    const failure = serving.then(
      () => new Error('the server was closed'),
      (error: unknown) => error,
    );
    await ready(plans.map((plan) => readyListener(plan, evidence.get(plan)?.bound_endpoint ?? '')));
    for (const listener of failing) listener.breakDown();
    const broken = await Promise.race([done.then(() => undefined), failure, timeUp(signal)]);
    if (broken === undefined) {
      await sleep(LINGER_MS);
      return outcome('success', undefined, {});
    }
    const failed = plans.find(({ route }) => route.injectedFailures.includes('terminal_listener_failure'));
    if (failed !== undefined) Object.assign(evidence.get(failed) ?? {}, { state: 'failed' });
    closeStates('closed');
    const ends = { logical_set_closed: true, ...(failed && { terminal_failure: failed.route.providerId }) };
    return outcome('error', errorText(broken), ends);
  } finally {
    await server.close();
  }
}

/** By rank, one after another; what is open is closed when one fails. */
async function openedInOrder(
  plans: readonly RoutePlan[],
  listen: (plan: RoutePlan) => Promise<FramedListener>,
): Promise<FramedListener[]> {
  const opened: FramedListener[] = [];
  try {
    for (const plan of [...plans].sort((one, other) => rank(one) - rank(other))) opened.push(await listen(plan));
    return opened;
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.close()));
    throw error;
  }
}

function rank({ hostRoute: { transport, providerId } }: RoutePlan): number {
  return rankOf({ transport, id: providerId ?? '' });
}

function readyListener({ route }: RoutePlan, boundAt: string): object {
  return { transport: route.transport, provider_id: route.providerId, bound_endpoint: boundAt };
}

function timeUp(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });
}
