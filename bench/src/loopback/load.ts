import { performance } from 'node:perf_hooks';
import { lanesOf, type Scenario } from './scenarios.js';

/** When a load ends: no lane begins anything more after so many milliseconds, or so many operations. */
export interface Stop {
  readonly milliseconds?: number;
  readonly operations?: number;
}

/** What a load is made of. */
export interface LoadShape {
  /** Operations in progress at once, over all connections and sessions. */
  readonly lanes: number;
  readonly requestBytes: number;
  /** One operation in so many reads the clock. */
  readonly clockEvery: number;
}

/** What a client did in one turn. */
export interface ClientFigures {
  /** Requests sent; each has been answered completely. */
  readonly requests: number;
  /** What throughput counts: replies, or messages of streams. */
  readonly operations: number;
  readonly seconds: number;
  /** Microseconds from a request to the end of its answer, which is the last message of a stream. */
  readonly p50: number;
  readonly p99: number;
}

const MAX_SAMPLES = 1 << 18;

/**
 * The work of a client in one turn, the same for every system. It is done in lanes, each with one operation in progress:
 * a client calls `begin` for a lane, sends what it is given, and calls `end` and `begin` again when the answer has come,
 * until `begin` says no. A wrong answer fails the load.
 */
export abstract class Load {
  readonly lanes: number;
  /** Resolves when every lane has ended; rejects when one has failed. */
  readonly finished: Promise<void>;
  private resolve: () => void = () => {};
  private reject: (error: Error) => void = () => {};
  private readonly began: Float64Array;
  private readonly samples = new Float64Array(MAX_SAMPLES);
  private sampled = 0;
  private lanesOver = 0;
  private over = false;
  private requests = 0;
  protected operations = 0;
  private readonly start = performance.now();
  private stopped = 0;

  constructor(
    private readonly shape: LoadShape,
    private readonly stop: Stop,
  ) {
    this.lanes = shape.lanes;
    this.began = new Float64Array(this.lanes);
    this.finished = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Ignoring it raises no unhandledRejection; awaiting it still rejects.
    this.finished.catch(() => {});
  }

  /** Ends the load with an error; also for what a system itself reports. */
  fail(error: unknown): void {
    this.over = true;
    this.reject(error instanceof Error ? error : new Error(String(error)));
  }

  /** @throws Error when a lane has not ended */
  figures(): ClientFigures {
    if (this.lanesOver !== this.lanes) throw new Error(`${this.lanes - this.lanesOver} lanes have not ended`);
    const sorted = this.samples.subarray(0, Math.min(this.sampled, MAX_SAMPLES)).sort();
    const at = (part: number) => 1000 * (sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN);
    const { requests, operations } = this;
    return { requests, operations, seconds: (this.stopped - this.start) / 1000, p50: at(0.5), p99: at(0.99) };
  }

  /** @returns false when the lane is over */
  protected beginLane(lane: number): boolean {
    let now = 0;
    if (this.requests % this.shape.clockEvery === 0 && !this.over) {
      now = performance.now();
      if (now - this.start >= (this.stop.milliseconds ?? Number.POSITIVE_INFINITY)) this.over = true;
    }
    if (this.over || this.requests === this.stop.operations) {
      if (++this.lanesOver === this.lanes) {
        this.stopped = performance.now();
        this.resolve();
      }
      return false;
    }
    this.began[lane] = now;
    this.requests++;
    return true;
  }

  protected endLane(lane: number): void {
    const began = this.began[lane] as number;
    if (began === 0) return;
    this.samples[this.sampled++ % MAX_SAMPLES] = performance.now() - began;
  }
}

/** Bodies differ, so that an answer that belongs to another request shows. */
const BODIES = 61;
const MAX_BODY_MEMORY = 16 * 1024 * 1024;

/** Requests whose replies repeat them. */
export class ExchangeLoad extends Load {
  private readonly requestBytes: number;
  private readonly bodies: Uint8Array[];
  private readonly expected: Uint8Array;
  private next = 0;

  constructor(shape: LoadShape, stop: Stop) {
    super(shape, stop);
    this.requestBytes = shape.requestBytes;
    const { requestBytes } = this;
    const count = Math.min(BODIES, Math.floor(MAX_BODY_MEMORY / requestBytes));
    this.bodies = Array.from({ length: count }, (_, index) => Buffer.alloc(requestBytes, index + 1));
    this.expected = new Uint8Array(this.lanes);
  }

  /** @returns the request's body, not to be changed, or undefined when the lane is over */
  begin(lane: number): Uint8Array | undefined {
    if (!this.beginLane(lane)) return undefined;
    this.next = (this.next + 1) % this.bodies.length;
    this.expected[lane] = this.next + 1;
    return this.bodies[this.next];
  }

  end(lane: number, reply: Uint8Array): void {
    const { length } = reply;
    const first = reply[0];
    const last = reply[length - 1];
    const expected = this.expected[lane];
    if (length !== this.requestBytes || first !== expected || last !== expected) {
      this.fail(new Error(`lane ${lane}: expected ${expected}, got ${length} bytes from ${first} to ${last}`));
      return;
    }
    this.operations++;
    this.endLane(lane);
  }
}

/** Requests that are answered by many messages, numbered in their first byte. */
export class StreamLoad extends Load {
  /** For every request. */
  readonly request = new Uint8Array(16).fill(7);
  private readonly received: Int32Array;

  constructor(
    private readonly scenario: Scenario,
    stop: Stop,
  ) {
    super({ ...scenario, lanes: lanesOf(scenario) }, stop);
    this.received = new Int32Array(this.lanes);
  }

  begin(lane: number): boolean {
    this.received[lane] = 0;
    return this.beginLane(lane);
  }

  message(lane: number, body: Uint8Array): void {
    const index = this.received[lane] as number;
    if (body.length !== this.scenario.messageBytes || body[0] !== (index & 0xff)) {
      this.fail(new Error(`lane ${lane}: message ${index} has ${body.length} bytes and number ${body[0]}`));
    }
    this.received[lane] = index + 1;
  }

  end(lane: number): void {
    const received = this.received[lane] as number;
    if (received !== this.scenario.messages) {
      this.fail(new Error(`lane ${lane}: expected ${this.scenario.messages} messages, got ${received}`));
      return;
    }
    this.operations += received;
    this.endLane(lane);
  }
}
