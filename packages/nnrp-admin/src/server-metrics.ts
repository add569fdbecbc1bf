import type { BoundStats, NnrpServer } from 'nnrp-runtime';
import { Counter, Gauge, Registry } from 'prom-client';
import type { LiveOperations } from './live-operations.js';

/** Counters of the server, each with the name and the help of its metric. */
const COUNTERS = [
  ['connections', 'nnrp_connections_total', 'Connections that were taken'],
  ['sessions', 'nnrp_sessions_total', 'Sessions that were opened'],
  ['refusedSessions', 'nnrp_sessions_refused_total', 'Opens that were refused'],
  [
    'suspendedSessions',
    'nnrp_sessions_suspended_total',
    'Sessions that lost their connection and waited to be resumed',
  ],
  ['resumedSessions', 'nnrp_sessions_resumed_total', 'Sessions that were resumed'],
  ['lostSessions', 'nnrp_sessions_lost_total', 'Sessions that were not resumed in time'],
  ['operations', 'nnrp_operations_total', 'Submits that were taken'],
  ['completedOperations', 'nnrp_operations_completed_total', 'Operations whose last result was sent'],
  ['partialResults', 'nnrp_partial_results_total', 'Partial results that were sent'],
  ['resultBytes', 'nnrp_result_bytes_total', 'Bytes of the bodies of results'],
  ['receivedBytes', 'nnrp_received_bytes_total', 'Bytes of packets that have come'],
  ['sentBytes', 'nnrp_sent_bytes_total', 'Bytes of packets that were sent'],
] as const;

/** What Prometheus gets of a server: asked of it for each scrape, so that nothing is paid for in between. */
export class ServerMetrics {
  private readonly registry = new Registry();
  private readonly counters = COUNTERS.map(([, name, help]) => this.counter(name, help));
  private readonly dropped = this.counter('nnrp_frames_dropped_total', 'Frames without a last result', ['reason']);
  private readonly values = this.gauge('nnrp_bound_value', 'How much there is of what is bounded', ['name', 'scope']);
  private readonly bounds = this.gauge('nnrp_bound_limit', 'How much there may be', ['name', 'scope']);
  private readonly hits = this.counter('nnrp_bound_hits_total', 'How often a bound was reached', ['name', 'scope']);
  private readonly draining = this.gauge('nnrp_draining', 'Whether the server takes nothing new', []);
  private scrape: Promise<string> | undefined;

  constructor(
    private readonly server: NnrpServer,
    private readonly operations: LiveOperations,
  ) {}

  get contentType(): string {
    return this.registry.contentType;
  }

  /** The text form of Prometheus. Requests that come at the same time share one answer. */
  text(): Promise<string> {
    this.scrape ??= this.scraped();
    return this.scrape;
  }

  private async scraped(): Promise<string> {
    try {
      this.update();
      return `${await this.registry.metrics()}${histogramText(this.operations)}`;
    } finally {
      this.scrape = undefined;
    }
  }

  private update(): void {
    const counted = this.server.counters();
    COUNTERS.forEach(([name], at) => {
      set(this.counters[at] as Counter, {}, counted[name]);
    });
    for (const [reason, count] of Object.entries(counted.drops)) set(this.dropped, { reason }, count);
    for (const [name, { scope, value, bound, hits }] of Object.entries<BoundStats>(this.server.stats())) {
      this.values.set({ name, scope }, value);
      if (Number.isFinite(bound)) this.bounds.set({ name, scope }, bound);
      set(this.hits, { name, scope }, hits);
    }
    this.draining.set(isDraining(this.server) ? 1 : 0);
  }

  private counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}

const DURATION = 'nnrp_operation_duration_seconds';

/** The text form of a histogram whose buckets are counted already; prom-client takes observations alone. */
function histogramText({ buckets, durations, count, seconds }: LiveOperations): string {
  let below = 0;
  const lines = buckets.map((bound, at) => {
    below += durations[at] ?? 0;
    return `${DURATION}_bucket{le="${bound}"} ${below}`;
  });
  return [
    `# HELP ${DURATION} Time from a submit to the end of its operation, whatever its end`,
    `# TYPE ${DURATION} histogram`,
    ...lines,
    `${DURATION}_bucket{le="+Inf"} ${count}`,
    `${DURATION}_sum ${seconds}`,
    `${DURATION}_count ${count}`,
    '',
  ].join('\n');
}

/** Whether the server was closed, or is about to be. */
export function isDraining(server: NnrpServer): boolean {
  const { state } = server.toJSON() as { readonly state?: unknown };
  return state === 'closing';
}

/** Sets a counter, which the server has counted. */
function set(counter: Counter, labels: Record<string, string>, value: number): void {
  counter.remove(labels);
  counter.inc(labels, value);
}
