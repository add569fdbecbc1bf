import { StatusCode } from 'nnrp-core/preview3';
import { isNnrpError, type NnrpClientSession, type NnrpResult, TimeoutError } from 'nnrp-runtime';
import { errorText } from '../terminal-text.js';
import { LatencySamples } from './latency-samples.js';

const SUCCESSES: readonly number[] = [StatusCode.Success, StatusCode.Degraded, StatusCode.Ok];
const MIB = 1024 * 1024;
/** Names of the errors of single submits, which say nothing about those that follow. */
const OF_ONE_SUBMIT: readonly string[] = ['DeadlineError', 'CancelledError', 'PeerError'];

/** What is submitted, and how. */
export interface SubmitRunOptions {
  readonly body: Uint8Array;
  readonly count: number;
  readonly inFlight: number;
  /** The run is given up when nothing comes for so long. */
  readonly timeoutMs: number;
}

/** Submits the same body again and again over one session, and counts what comes back. */
export class SubmitRun {
  /** Complete results. */
  results = 0;
  partials = 0;
  drops = 0;
  /** Why the first of them was. */
  private firstDrop: string | undefined;
  /** Complete results with a status that is no success. */
  rejected = 0;
  /** Bytes of all results on the wire. */
  bytes = 0;
  /** Is given every result of the first submit, in order. */
  firstResults: ((result: NnrpResult) => Promise<void>) | undefined;
  private readonly latencies = new LatencySamples();
  private readonly startedAt = performance.now();
  private endedAt: number | undefined;
  private lastSignAt = this.startedAt;
  private submitted = 0;

  constructor(
    private readonly session: NnrpClientSession,
    private readonly options: SubmitRunOptions,
  ) {}

  /** Submits that are settled. */
  get answered(): number {
    return this.results + this.drops;
  }

  get seconds(): number {
    return ((this.endedAt ?? performance.now()) - this.startedAt) / 1000;
  }

  /**
   * Does all the work.
   *
   * @returns what went wrong in one line; undefined when every submit has a result that is a success. Never rejects.
   */
  async finish(): Promise<string | undefined> {
    const { count, inFlight, timeoutMs } = this.options;
    let silence: NodeJS.Timeout | undefined;
    const silent = new Promise<never>((_, reject) => {
      silence = setInterval(
        () => {
          if (performance.now() - this.lastSignAt < timeoutMs) return;
          reject(new TimeoutError(`nothing came for ${timeoutMs / 1000} seconds`, timeoutMs));
        },
        Math.min(1000, Math.ceil(timeoutMs / 4)),
      );
    });
    const workers = Promise.all(Array.from({ length: Math.min(inFlight, count) }, () => this.work()));
    // The one that loses the race may fail later, when the session is closed under it.
    workers.catch(() => {});
    silent.catch(() => {});
    let failure: string | undefined;
    try {
      await Promise.race([workers, silent]);
    } catch (error) {
      failure = errorText(error);
    }
    clearInterval(silence);
    this.endedAt = performance.now();
    return this.shortfall(failure);
  }

  /** The figures in two lines. */
  summary(): string {
    const { results, partials, drops, rejected, bytes, seconds } = this;
    const perSecond = (amount: number) => amount / Math.max(seconds, 1e-6);
    const counts = [
      `${results} results`,
      `${partials} partial results`,
      `${drops} drops`,
      ...(rejected > 0 ? [`${rejected} not successful`] : []),
      `${bytes} bytes`,
      `${seconds.toFixed(3)} seconds`,
    ];
    const rates = [
      `${perSecond(results).toFixed(0)} results/s`,
      `${perSecond(partials).toFixed(0)} partial results/s`,
      `${(perSecond(bytes) / MIB).toFixed(2)} MiB/s`,
      `p50 ${this.latencies.quantile(0.5).toFixed(3)} ms`,
      `p99 ${this.latencies.quantile(0.99).toFixed(3)} ms`,
    ];
    return `${counts.join(', ')}\n${rates.join(', ')}`;
  }

  private shortfall(failure: string | undefined): string | undefined {
    const { count } = this.options;
    const missing = count - this.answered;
    const problems = [
      ...(failure === undefined ? [] : [failure]),
      ...(this.drops > 0 ? [`${this.drops} of ${count} submits were dropped (${this.firstDrop})`] : []),
      ...(missing > 0 ? [`${missing} of ${count} submits have no result`] : []),
      ...(this.rejected > 0 ? [`${this.rejected} of ${count} results are not successful`] : []),
    ];
    return problems.length === 0 ? undefined : problems.join('; ');
  }

  private async work(): Promise<void> {
    while (this.submitted < this.options.count) {
      const isFirst = this.submitted++ === 0;
      await this.submitOne(isFirst ? this.firstResults : undefined);
    }
  }

  private async submitOne(output: ((result: NnrpResult) => Promise<void>) | undefined): Promise<void> {
    const began = performance.now();
    try {
      for await (const result of await this.session.submit(this.options.body)) {
        this.lastSignAt = performance.now();
        this.bytes += result.byteLength;
        if (result.partial) this.partials++;
        else this.completed(result, this.lastSignAt - began);
        await output?.(result);
      }
    } catch (error) {
      // Dropped, whatever the reason; one that ends the session, or leaves no way to submit more, ends the run.
      if (!isDropped(error) || this.session.endReason !== undefined) throw error;
      this.lastSignAt = performance.now();
      this.firstDrop ??= error.message;
      this.drops++;
    }
  }

  private completed(result: NnrpResult, ms: number): void {
    this.results++;
    this.latencies.add(ms);
    if (!SUCCESSES.includes(result.metadata.statusCode)) this.rejected++;
  }
}

function isDropped(error: unknown): error is Error {
  return isNnrpError(error) && OF_ONE_SUBMIT.includes(error.name) && error.code !== 'NNRP_ERR_SERVER_SHUTDOWN';
}
