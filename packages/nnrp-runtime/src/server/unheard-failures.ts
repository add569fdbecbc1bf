import { type Guarded, later } from '../base/guard.js';
import { warn } from '../base/warn.js';
import type { HandlerFailure } from './server-events.js';

/** Milliseconds between two warnings. */
const INTERVAL_MS = 60_000;

/**
 * Failures of handlers that no listener is told of: the first one is a warning of the process at once, with its stack; of
 * those that follow there is one warning a minute at most, with their number and the last of them.
 */
export class UnheardFailures {
  private timer: NodeJS.Timeout | undefined;
  private last: HandlerFailure | undefined;
  private count = 0;

  constructor(private readonly owner: Guarded) {}

  add(failure: HandlerFailure): void {
    if (this.timer === undefined) {
      const { sessionId, frameId } = failure;
      const where = `session ${sessionId}${frameId === 0 ? '' : `, frame ${frameId}`}`;
      this.say(`a handler of the server has failed (${where}); the event handlerFailure tells of each`, failure);
    } else {
      this.count++;
      this.last = failure;
    }
  }

  /** Says what is left to be said. */
  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.last !== undefined) this.sayCount(this.last);
    clearTimeout(this.timer);
  }

  private sayCount(last: HandlerFailure): void {
    const { count } = this;
    this.count = 0;
    this.last = undefined;
    this.say(`${count} more failures of handlers of the server; the last of them follows`, last);
  }

  private say(text: string, { error }: HandlerFailure): void {
    warn(text, error);
    this.timer = later(this.owner, INTERVAL_MS, () => {
      this.timer = undefined;
      if (this.last !== undefined) this.sayCount(this.last);
    });
    this.timer.unref();
  }
}
