import { setTimeout as sleep } from 'node:timers/promises';
import { isNnrpError } from 'nnrp-core';
import { isUsageError } from '../report-failure.js';
import { errorText } from '../terminal-text.js';
import type { Link } from './link.js';
import { PingStatistics, shownMs } from './ping-statistics.js';

/** How many pings, how often, and the functions that are told what comes of them. */
export interface PingRunOptions {
  /** 0 = without an end. */
  readonly count: number;
  readonly intervalMs: number;
  /** Of each answer. */
  readonly timeoutMs: number;
  /** Ends the run early, between two pings or in one; `connect` follows it, too. */
  readonly signal: AbortSignal;
  connect(): Promise<Link>;
  /** There is a connection: the first, or another one after a loss. */
  connected(link: Link): void;
  answered(line: string): void;
  lost(line: string): void;
}

/** Pings one server again and again. What is lost is counted, and the next ping connects anew. */
export class PingRun {
  readonly statistics = new PingStatistics();
  private link: Link | undefined;

  constructor(private readonly options: PingRunOptions) {}

  /** @throws (as a rejection) CommandUsageError or UsageError when the options can never work; nothing else */
  async finish(): Promise<void> {
    const { count, intervalMs, signal } = this.options;
    // An answer that is still to come is not waited for.
    signal.addEventListener('abort', () => void this.leave(), { once: true });
    try {
      for (let number = 1; !signal.aborted; number++) {
        await this.pingOnce(number);
        if (number === count) break;
        await sleep(intervalMs, undefined, { signal }).catch(() => {});
      }
    } finally {
      await this.leave();
    }
  }

  private async pingOnce(number: number): Promise<void> {
    const { options, statistics } = this;
    const { signal } = options;
    try {
      const ms = await this.roundTrip();
      statistics.answer(ms);
      options.answered(`ping ${number}: ${shownMs(ms)}`);
    } catch (error) {
      // Its answer is not waited for any more: neither answered nor lost.
      if (signal.aborted) return;
      if (isUsageError(error)) throw error;
      statistics.lost++;
      options.lost(`ping ${number} is lost: ${errorText(error)}`);
      await this.leave();
    }
  }

  private async roundTrip(): Promise<number> {
    const { timeoutMs } = this.options;
    const { link } = this;
    if (link !== undefined) {
      try {
        return await link.client.ping(timeoutMs);
      } catch (error) {
        // A server ends a connection that has had no session for some time; that is no loss.
        if (!isOrderlyEnd(error)) throw error;
        await this.leave();
      }
    }
    const { client } = await this.connect();
    return client.ping(timeoutMs);
  }

  private async connect(): Promise<Link> {
    const link = await this.options.connect();
    this.link = link;
    this.options.connected(link);
    return link;
  }

  private async leave(): Promise<void> {
    const { link } = this;
    this.link = undefined;
    await link?.client.close();
  }
}

/** What has failed by itself, such as a reset, has an error of the system among its causes; each caller's own error has one that is shared. */
function isOrderlyEnd(error: unknown): boolean {
  if (isNnrpError(error, 'NNRP_ERR_CLOSED')) return true;
  if (!isNnrpError(error, 'NNRP_ERR_TRANSPORT')) return false;
  return error.cause === undefined || isOrderlyEnd(error.cause);
}
