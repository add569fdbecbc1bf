import type { Attributes, Meter } from '@opentelemetry/api';
import type {
  ConnectionMessage,
  DiagnosticsConnection,
  OperationEndMessage,
  OperationRefusedMessage,
  OperationResultMessage,
  OperationStartMessage,
  SessionMessage,
} from 'nnrp-runtime';

/** Seconds, as the semantic conventions advise for calls. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60];

interface Times {
  readonly startMs: number;
  lastMs: number;
  hasResult: boolean;
}

/** Outcomes that have a series of their own. On a client they are codes, and a server can make as many as it likes. */
const MOST_OUTCOMES = 128;
/** As the semantic conventions name the rest. */
const OTHER = '_OTHER';

type Role = 'client' | 'server';

/** What is measured from channels: durations, numbers of what is there, and what has happened. */
export class OperationMetrics {
  private readonly times = new WeakMap<object, Times>();
  private readonly outcomes = new Set<string>();
  private readonly sessions = new WeakSet<object>();
  private readonly connections = new Set<DiagnosticsConnection>();
  private readonly gone = { client: { received: 0, sent: 0 }, server: { received: 0, sent: 0 } };
  private readonly durations;
  private readonly firsts;
  private readonly partials;
  private readonly activeOperations;
  private readonly activeSessions;
  private readonly operations;
  private readonly dropped;
  private readonly recoveries;
  private readonly end: () => void;

  constructor(meter: Meter) {
    const seconds = (name: string, description: string) =>
      meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: SECONDS } });
    this.durations = {
      client: seconds('rpc.client.call.duration', 'From the submit to the last answer'),
      server: seconds('rpc.server.call.duration', 'From the arrival of a submit to its last answer'),
    };
    this.firsts = {
      client: seconds('gen_ai.client.operation.time_to_first_chunk', 'From the submit to the first result'),
      server: seconds('gen_ai.server.time_to_first_token', 'From the arrival of a submit to its first result'),
    };
    this.partials = {
      client: seconds('gen_ai.client.operation.time_per_output_chunk', 'Between two results of an operation'),
      server: seconds('gen_ai.server.time_per_output_token', 'Between two results of an operation'),
    };
    this.activeOperations = meter.createUpDownCounter('nnrp.operations.active', { unit: '{operation}' });
    this.activeSessions = meter.createUpDownCounter('nnrp.sessions.active', { unit: '{session}' });
    this.operations = meter.createCounter('nnrp.operations', { unit: '{operation}', description: 'That have ended' });
    this.dropped = meter.createCounter('nnrp.operations.dropped', { unit: '{operation}', description: 'By reason' });
    this.recoveries = {
      suspend: meter.createCounter('nnrp.sessions.suspended', { unit: '{session}' }),
      resume: meter.createCounter('nnrp.sessions.resumed', { unit: '{session}' }),
      lose: meter.createCounter('nnrp.sessions.lost', { unit: '{session}' }),
    };
    const bytes = meter.createObservableCounter('nnrp.network.io', { unit: 'By', description: 'Bytes of packets' });
    const observe = (result: { observe(value: number, attributes: Attributes): void }) => {
      for (const role of ['client', 'server'] as const) {
        const { received, sent } = this.bytesOf(role);
        result.observe(received, { 'nnrp.role': role, 'network.io.direction': 'receive' });
        result.observe(sent, { 'nnrp.role': role, 'network.io.direction': 'transmit' });
      }
    };
    bytes.addCallback(observe);
    this.end = () => bytes.removeCallback(observe);
  }

  connectionOpened({ connection }: ConnectionMessage): void {
    this.connections.add(connection);
  }

  /** What is sent after this, the last packets of a connection, is not counted. */
  connectionEnded({ connection }: ConnectionMessage): void {
    if (!this.connections.delete(connection)) return;
    const gone = this.gone[connection.role];
    gone.received += connection.receivedBytes;
    gone.sent += connection.sentBytes;
  }

  sessionOpened({ session, role }: SessionMessage): void {
    this.sessions.add(session);
    this.activeSessions.add(1, { 'nnrp.role': role });
  }

  sessionEnded({ session, role }: SessionMessage): void {
    if (this.sessions.delete(session)) this.activeSessions.add(-1, { 'nnrp.role': role });
  }

  started({ operation, role }: OperationStartMessage): void {
    const startMs = performance.now();
    this.times.set(operation, { startMs, lastMs: startMs, hasResult: false });
    this.activeOperations.add(1, { 'nnrp.role': role });
  }

  result({ operation, role, bytes, partial }: OperationResultMessage): void {
    const times = this.times.get(operation);
    // An empty last result says that the stream is over, and brings nothing.
    if (times === undefined || (times.hasResult && !partial && bytes === 0)) return;
    const nowMs = performance.now();
    const histogram = times.hasResult ? this.partials[role] : this.firsts[role];
    histogram.record((nowMs - times.lastMs) / 1000, { 'rpc.system.name': 'nnrp' });
    times.lastMs = nowMs;
    times.hasResult = true;
  }

  ended({ operation, role, outcome: given }: OperationEndMessage): void {
    const outcome = this.known(given);
    const times = operation && this.times.get(operation);
    if (operation !== undefined && times === undefined) return;
    if (operation !== undefined && times !== undefined) {
      this.times.delete(operation);
      this.activeOperations.add(-1, { 'nnrp.role': role });
      const attributes = { 'rpc.system.name': 'nnrp', ...(outcome !== 'completed' && { 'error.type': outcome }) };
      this.durations[role].record((performance.now() - times.startMs) / 1000, attributes);
    }
    this.operations.add(1, { 'nnrp.role': role });
    if (outcome !== 'completed') this.dropped.add(1, { 'nnrp.role': role, 'nnrp.reason': outcome });
  }

  refused({ reason }: OperationRefusedMessage): void {
    this.dropped.add(1, { 'nnrp.role': 'server', 'nnrp.reason': reason });
  }

  recovered(what: 'suspend' | 'resume' | 'lose', { role }: { readonly role: Role }): void {
    this.recoveries[what].add(1, { 'nnrp.role': role });
  }

  disable(): void {
    this.end();
  }

  private known(outcome: string): string {
    if (this.outcomes.has(outcome)) return outcome;
    if (this.outcomes.size >= MOST_OUTCOMES) return OTHER;
    this.outcomes.add(outcome);
    return outcome;
  }

  private bytesOf(role: Role) {
    let { received, sent } = this.gone[role];
    for (const connection of this.connections) {
      if (connection.role !== role) continue;
      received += connection.receivedBytes;
      sent += connection.sentBytes;
    }
    return { received, sent };
  }
}
