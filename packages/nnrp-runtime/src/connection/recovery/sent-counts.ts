import { IdMap } from 'nnrp-core';
import type { SentCount } from './sent-count.js';

/** The counts of a connection by session id. Most connections have one session, and one that idles should cost little. */
export class SentCounts {
  private first: SentCount | undefined;
  private others: IdMap<SentCount> | undefined;

  get(sessionId: number): SentCount | undefined {
    return this.first?.sessionId === sessionId ? this.first : this.others?.get(sessionId);
  }

  set(count: SentCount): void {
    const { sessionId } = count;
    if (this.others?.has(sessionId) !== true && (this.first === undefined || this.first.sessionId === sessionId)) {
      this.first = count;
      return;
    }
    this.others ??= new IdMap();
    this.others.set(sessionId, count);
  }

  /** Forgets it where it is still the one of its session. */
  delete(count: SentCount): void {
    const { sessionId } = count;
    if (this.first === count) this.first = undefined;
    else if (this.others?.get(sessionId) === count) this.others.delete(sessionId);
  }
}
