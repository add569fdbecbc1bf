import { ignoreRejectionsWithin, shownStack } from 'nnrp-core';
import { emitWarning } from '../platform/platform.js';

/**
 * Says on standard error, in the way of Node's own warnings, what has no listener. A process can listen to them
 * (`process.on('warning')`), and silence them (`--disable-warning=NNRP_WARNING`).
 *
 * @param error - its stack and those of its causes become the detail; a promise that was thrown is told of here, and by nothing else
 */
export function warn(text: string, error: unknown): void {
  ignoreRejectionsWithin(error, 0);
  emitWarning(text, shownStack(error));
}

/** Milliseconds between two warnings of the same {@link SeldomWarning}. */
const INTERVAL_MS = 60_000;

/** For what a peer can bring about as often as it likes: one warning a minute, with the number of those left out. */
export class SeldomWarning {
  private quietUntilMs = Number.NEGATIVE_INFINITY;
  private leftOut = 0;

  say(text: string, error: unknown): void {
    ignoreRejectionsWithin(error, 0);
    const nowMs = performance.now();
    if (nowMs < this.quietUntilMs) {
      this.leftOut++;
      return;
    }
    this.quietUntilMs = nowMs + INTERVAL_MS;
    warn(this.leftOut === 0 ? text : `${text}, and ${this.leftOut} times before without a warning`, error);
    this.leftOut = 0;
  }
}
