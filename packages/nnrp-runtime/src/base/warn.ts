import { ignoreRejectionsWithin, printable } from 'nnrp-core';
import { emitWarning } from '../platform/platform.js';

/** So many bytes of a text go into a warning. */
const MAX_TEXT = 8192;

/**
 * Says on standard error, in the way of Node's own warnings, what has no listener. A process can listen to them
 * (`process.on('warning')`), and silence them (`--disable-warning=NNRP_WARNING`).
 *
 * @param error - its stack becomes the detail; a promise that was thrown is told of here, and by nothing else
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

/** The stack line by line: what a client has sent may be in the message, and a terminal would obey it. */
export function shownStack(error: unknown): string {
  const lines = stackOf(error).split('\n');
  return lines.map((line) => printable(line, MAX_TEXT)).join('\n');
}

/** The stack of an error, or what was thrown instead of one; never throws. */
export function stackOf(error: unknown): string {
  try {
    const stack = (error as { stack?: unknown } | null | undefined)?.stack;
    return (typeof stack === 'string' && stack !== '' ? stack : String(error)).slice(0, MAX_TEXT);
  } catch {
    return 'something was thrown that cannot be shown as text';
  }
}
