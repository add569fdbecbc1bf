/** What a scenario asks of a system. Sizes are payload bytes; headers and metadata come on top. */
export interface Scenario {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  /**
   * exchange: a request, and a reply that repeats its bytes. stream: a request, and `messages` messages that answer it.
   * idle: connections that have made one exchange and then wait.
   */
  readonly kind: 'exchange' | 'stream' | 'idle';
  readonly connections: number;
  /** Sessions on each connection, for systems that have sessions; 1 for the others. */
  readonly sessionsPerConnection: number;
  /** Operations in progress at once on each connection. */
  readonly inFlight: number;
  readonly requestBytes: number;
  /** Messages of one stream and the bytes of each; 0 without streams. */
  readonly messages: number;
  readonly messageBytes: number;
  /** One message of each stream per turn of the server's event loop. */
  readonly paced: boolean;
  /** One operation in so many reads the clock: it costs as much as a message does in the busiest scenarios. */
  readonly clockEvery: number;
  /** Systems that take part; all that can when absent. */
  readonly systems?: readonly string[];
}

/** Operations in progress at once in a scenario. */
export function lanesOf({ connections, sessionsPerConnection, inFlight }: Scenario): number {
  return connections * sessionsPerConnection * inFlight;
}

/** A ratio to raw throughput (at least) or, for idle sessions, bytes of server memory (at most). */
export interface Goal {
  readonly title: string;
  readonly scenario: string;
  readonly system: string;
  readonly ratio?: number;
  /** What CPU time is compared with instead of throughput with raw: this system's by that of `system`, of the same rounds. */
  readonly cpuOf?: string;
  readonly bytes?: number;
}

const DEFAULTS = {
  kind: 'exchange',
  connections: 1,
  sessionsPerConnection: 1,
  inFlight: 1,
  requestBytes: 256,
  messages: 0,
  messageBytes: 0,
  paced: false,
  clockEvery: 1,
} as const;

const STREAM = { ...DEFAULTS, kind: 'stream', requestBytes: 16, messageBytes: 16 } as const;

export const SCENARIOS: readonly Scenario[] = [
  { ...DEFAULTS, name: 'ping-pong', title: 'ping-pong, 256 B each way' },
  {
    ...DEFAULTS,
    name: 'in-flight-64',
    title: '64 in flight on one connection, 256 B each way',
    inFlight: 64,
    clockEvery: 17,
  },
  {
    ...DEFAULTS,
    name: 'connections-16x4',
    title: '16 connections with 4 in flight each, 256 B each way',
    connections: 16,
    inFlight: 4,
    clockEvery: 7,
  },
  { ...STREAM, name: 'stream-1', title: 'one stream of 16-byte partial results', messages: 20_000 },
  {
    ...STREAM,
    name: 'streams-64',
    title: '64 streams of 16-byte partial results on 64 connections',
    connections: 64,
    messages: 1000,
  },
  {
    ...STREAM,
    name: 'paced-64',
    title: '64 streams on 64 connections, one message of 16 bytes per turn',
    connections: 64,
    messages: 400,
    paced: true,
  },
  { ...DEFAULTS, name: 'large', title: '1 MiB each way, 4 in flight', inFlight: 4, requestBytes: 1024 * 1024 },
  {
    ...DEFAULTS,
    name: 'idle',
    title: 'idle sessions: 1,000 connections with one each',
    kind: 'idle',
    connections: 1000,
  },
  {
    ...DEFAULTS,
    name: 'idle-shared',
    title: 'idle sessions: 2,000 on 200 connections',
    kind: 'idle',
    connections: 200,
    sessionsPerConnection: 10,
    systems: ['nnrp', 'nnrp-serve'],
  },
];

export const GOALS: readonly Goal[] = [
  { title: 'ping-pong', scenario: 'ping-pong', system: 'nnrp', ratio: 0.85 },
  { title: '64 in flight', scenario: 'in-flight-64', system: 'nnrp', ratio: 0.45 },
  { title: '16 connections x 4', scenario: 'connections-16x4', system: 'nnrp', ratio: 0.6 },
  { title: 'one stream', scenario: 'stream-1', system: 'nnrp', ratio: 0.3 },
  { title: '64 streams', scenario: 'streams-64', system: 'nnrp', ratio: 0.3 },
  { title: '64 streams, one message per turn', scenario: 'paced-64', system: 'nnrp', ratio: 0.8 },
  { title: '1 MiB both ways', scenario: 'large', system: 'nnrp', ratio: 0.9 },
  { title: 'idle session', scenario: 'idle', system: 'nnrp', bytes: 10 * 1024 },
  { title: 'handler level, 64 in flight', scenario: 'in-flight-64', system: 'nnrp-serve', ratio: 0.3 },
  ...['ping-pong', 'in-flight-64', 'connections-16x4', 'stream-1', 'streams-64', 'paced-64'].map((scenario) => ({
    title: `preview4 by preview3, ${scenario}`,
    scenario,
    system: 'nnrp-preview4',
    cpuOf: 'nnrp',
    ratio: 0.97,
  })),
];
