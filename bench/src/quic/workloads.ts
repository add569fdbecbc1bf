import type { SystemName } from './systems.js';

/** What a workload asks of a system. Sizes are those of bodies; heads of 112 and 104 bytes come on top. */
export interface Workload {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  /**
   * exchange: requests that are answered with the same bytes. handshake: connections that make one exchange and close.
   * idle: connections that have made one exchange and then wait.
   */
  readonly kind: 'exchange' | 'handshake' | 'idle';
  readonly connections: number;
  /** Operations in progress at once on each connection; of handshakes, at once in all. */
  readonly inFlight: number;
  readonly requestBytes: number;
  /** One operation in so many reads the clock. */
  readonly clockEvery: number;
  /** A system that takes no part: what sets it apart from another one makes no difference here. */
  readonly without?: SystemName;
}

const EXCHANGE = { kind: 'exchange', connections: 1, inFlight: 1, requestBytes: 256, clockEvery: 1 } as const;
const SMALL_BYTES = 16;

export const WORKLOADS: readonly Workload[] = [
  { ...EXCHANGE, name: 'ping-pong-256', title: 'ping-pong, 256 B each way' },
  { ...EXCHANGE, name: 'ping-pong-1k', title: 'ping-pong, 1 KiB each way', requestBytes: 1024 },
  {
    ...EXCHANGE,
    name: 'pipelined-1k',
    title: '64 in flight on one connection, 1 KiB each way',
    inFlight: 64,
    requestBytes: 1024,
    clockEvery: 17,
  },
  { ...EXCHANGE, name: 'bulk', title: '1 MiB each way, 2 in flight', inFlight: 2, requestBytes: 1024 * 1024 },
  {
    ...EXCHANGE,
    name: 'handshakes',
    title: 'connect, one exchange of 16 B, close; one after the other',
    kind: 'handshake',
    requestBytes: SMALL_BYTES,
    without: 'wrapper-tuned',
  },
  {
    ...EXCHANGE,
    name: 'handshakes-16',
    title: 'the same, 16 at once',
    kind: 'handshake',
    inFlight: 16,
    requestBytes: SMALL_BYTES,
    without: 'wrapper-tuned',
  },
  {
    ...EXCHANGE,
    name: 'idle',
    title: 'idle connections that have made one exchange',
    kind: 'idle',
    connections: 300,
    requestBytes: SMALL_BYTES,
    without: 'wrapper-tuned',
  },
];

/** At least so many times the throughput of another system, in the median of the rounds. */
export interface Goal {
  readonly workload: string;
  readonly of: SystemName;
  readonly times: number;
}

/** All of them are goals of nnrp. */
export const GOALS: readonly Goal[] = [
  { workload: 'ping-pong-256', of: 'wrapper', times: 10 },
  { workload: 'ping-pong-256', of: 'raw', times: 0.1 },
  { workload: 'ping-pong-1k', of: 'wrapper', times: 10 },
  { workload: 'ping-pong-1k', of: 'raw', times: 0.1 },
  { workload: 'pipelined-1k', of: 'wrapper', times: 40 },
];
