/** Round trips of a run, counted as they come: a run without an end takes no more memory. */
export class PingStatistics {
  lost = 0;
  private answered = 0;
  private sum = 0;
  private least = Number.POSITIVE_INFINITY;
  private most = 0;

  answer(ms: number): void {
    this.answered++;
    this.sum += ms;
    this.least = Math.min(this.least, ms);
    this.most = Math.max(this.most, ms);
  }

  /** The figures in one line. */
  summary(): string {
    const { answered, lost, least, most, sum } = this;
    const counts = `${answered + lost} pings, ${answered} answered, ${lost} lost`;
    if (answered === 0) return counts;
    return `${counts}; min ${shownMs(least)}, avg ${shownMs(sum / answered)}, max ${shownMs(most)}`;
  }
}

/** A time for people. */
export function shownMs(ms: number): string {
  return `${ms.toFixed(3)} ms`;
}
