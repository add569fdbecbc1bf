import { ClosedError, isNnrpError, type NnrpError } from 'nnrp-core';
import { whenAborted } from '../../base/application/abort-signals.js';
import { later, NO_OWNER } from '../../base/guard.js';
import { answering, ignoreRejection } from '../../base/promises/settled.js';
import { connectFailure, connectWithin } from '../../transport/connecting/connect-attempt.js';
import { noWay, type RaceTimes } from '../../transport/connecting/race.js';
import type { RacingConnector } from '../../transport/connecting/racing-connector.js';
import type { Way, WayMemory } from '../../transport/connecting/way-memory.js';
import type { FramedConnector, FramedTransport } from '../../transport/contract/contract.js';
import { CurrentConnector } from '../moving/current-connector.js';

/** So much of the time a probe may take: the rest is for connecting before it, and for a race without probes after it. */
const PROBE_SHARE = 1 / 3;

/** What is measured: a client with a connection of its own. */
export interface MeasuredClient {
  probe(options: { readonly timeoutMs: number }): Promise<{ readonly roundTripUs: number }>;
  close(): Promise<unknown>;
  /** Resolves when its connection is over, and never rejects. */
  readonly closed: Promise<unknown>;
}

/** Makes the client of a connection. @param connector - by which it connects again; default by all ways */
export type MakeClient<Client> = (transport: FramedTransport, connector?: FramedConnector) => Client;

/** What measures several ways, and what connects by them later. */
export class Measuring {
  constructor(
    private readonly memory: WayMemory,
    private readonly times: RaceTimes,
    private readonly racing: RacingConnector,
  ) {}

  /**
   * Connects by all ways at once, and keeps the client whose TRANSPORT_PROBE has taken the least time. The others are closed.
   * Where no probe is answered, the first connection is kept; where probes have cost all of them, the ways race without.
   *
   * @throws (as a rejection) UsageError at once; TransportError that names each way with its reason; the reason of `signal`
   */
  connect<Client extends MeasuredClient>(make: MakeClient<Client>, signal: AbortSignal | undefined): Promise<Client> {
    const { memory, racing, times } = this;
    const startedMs = performance.now();
    return answering(async () => {
      const best = await Measurement.run(memory, times, make, signal);
      if (best !== undefined) {
        best.connector.current = racing;
        return best.client;
      }
      const leftMs = Math.max(1, Math.floor(startedMs + times.wholeMs - performance.now()));
      return make(await racing.connectIn(leftMs, signal));
    });
  }
}

/** A client that, until it is chosen, connects again by its own way alone. */
interface Candidate<Client> {
  readonly way: Way;
  readonly client: Client;
  readonly connector: CurrentConnector;
}

interface Measured<Client> extends Candidate<Client> {
  readonly roundTripUs: number;
}

/** One comparison of all ways. */
class Measurement<Client extends MeasuredClient> {
  private readonly ways: readonly Way[];
  private readonly losing = new AbortController();
  /** Those that have a connection, in the order in which it came. */
  private readonly open = new Map<Client, Candidate<Client>>();
  private readonly measured: Measured<Client>[] = [];
  /** Ways that have come to an end, measured or not. */
  private readonly settled = new Set<Way>();
  private readonly failures = new Map<Way, NnrpError>();
  private window: ReturnType<typeof later> | undefined;
  private limit: ReturnType<typeof later> | undefined;
  private letGo = () => {};
  private isOver = false;

  private constructor(
    private readonly memory: WayMemory,
    private readonly times: RaceTimes,
    private readonly make: MakeClient<Client>,
    private readonly chose: (best: Candidate<Client> | undefined) => void,
    private readonly lost: (error: unknown) => void,
  ) {
    this.ways = memory.inOrder();
  }

  /** @returns the best way with its client; undefined when each connection has ended over its probe */
  static run<Client extends MeasuredClient>(
    memory: WayMemory,
    times: RaceTimes,
    make: MakeClient<Client>,
    signal: AbortSignal | undefined,
  ): Promise<Candidate<Client> | undefined> {
    return new Promise((chose, lost) => new Measurement(memory, times, make, chose, lost).begin(signal));
  }

  private begin(signal: AbortSignal | undefined): void {
    this.letGo = whenAborted(NO_OWNER, signal, (reason) => this.fail(reason));
    if (this.isOver) {
      this.letGo();
      return;
    }
    this.limit = later(NO_OWNER, this.times.wholeMs, () => this.timeIsUp());
    for (const way of this.ways) if (!this.isOver) ignoreRejection(this.measure(way));
  }

  private async measure(way: Way): Promise<void> {
    try {
      const transport = await connectWithin(NO_OWNER, way.connector, this.times.wholeMs, this.losing.signal);
      if (this.isOver) transport.abort();
      else {
        const connector = new CurrentConnector(way.connector);
        await this.probe({ way, connector, client: this.make(transport, connector) });
      }
    } catch (error) {
      this.failed(way, error);
    }
  }

  private async probe(candidate: Candidate<Client>): Promise<void> {
    const { client, way } = candidate;
    this.open.set(client, candidate);
    ignoreRejection(client.closed.then(() => this.open.delete(client)));
    const timeoutMs = Math.max(1, Math.floor(this.times.wholeMs * PROBE_SHARE));
    try {
      const { roundTripUs } = await client.probe({ timeoutMs });
      if (this.isOver) return;
      this.measured.push({ ...candidate, roundTripUs });
      this.window ??= later(NO_OWNER, this.times.headStartMs, () => this.windowIsOver());
    } catch (error) {
      // Servers need not serve probes. A connection that one has cost is made again by the race.
      if (!isNnrpError(error, 'NNRP_ERR_TIMEOUT') && !isNnrpError(error, 'NNRP_ERR_PEER')) {
        this.open.delete(client);
        ignoreRejection(client.close());
      }
    }
    if (!this.isOver) this.ended(way);
  }

  private failed(way: Way, error: unknown): void {
    if (this.isOver) return;
    if (isNnrpError(error, 'NNRP_ERR_USAGE')) {
      this.fail(error);
      return;
    }
    this.memory.failed(way);
    this.failures.set(way, connectFailure(error));
    if (this.failures.size === this.ways.length) this.fail(noWay(this.ways, this.failures));
    else this.ended(way);
  }

  private ended(way: Way): void {
    this.settled.add(way);
    if (this.settled.size === this.ways.length) this.choose();
  }

  /** The others have had their time. Where those that were measured are over by now, the next answer opens another one. */
  private windowIsOver(): void {
    this.window = undefined;
    if (this.best() !== undefined) this.choose();
  }

  /** A connection that is there is taken, whatever becomes of its probe. Where there is none, all attempts fail now. */
  private timeIsUp(): void {
    if (this.open.size > 0) this.choose();
  }

  private best(): Measured<Client> | undefined {
    const open = this.measured.filter(({ client }) => this.open.has(client));
    return open.sort((one, other) => one.roundTripUs - other.roundTripUs)[0];
  }

  /** Where no probe was answered, the first connection is as good as any. */
  private choose(): void {
    if (this.isOver) return;
    const [first] = this.open.values();
    const best = this.best() ?? first;
    for (const way of this.ways) if (!this.settled.has(way) && way !== best?.way) this.memory.failed(way);
    if (best !== undefined) {
      this.open.delete(best.client);
      this.memory.took(best.way);
    }
    this.end(new ClosedError('another address has answered first'));
    this.chose(best);
  }

  private fail(error: unknown): void {
    if (this.isOver) return;
    this.end(error);
    this.lost(error);
  }

  private end(reason: unknown): void {
    this.isOver = true;
    clearTimeout(this.window);
    clearTimeout(this.limit);
    this.letGo();
    this.losing.abort(reason);
    for (const client of this.open.keys()) ignoreRejection(client.close());
  }
}
