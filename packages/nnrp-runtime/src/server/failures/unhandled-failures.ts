import { type Guarded, later } from '../../base/guard.js';
import type { InternalError } from '../../base/internal-error.js';
import { warn } from '../../base/warn.js';
import { unref } from '../../platform/platform.js';
import type { HandlerFailure } from '../contract/server-events.js';

/** Milliseconds between two warnings. */
const INTERVAL_MS = 60_000;

/** How one kind of failure is spoken of. */
export interface FailureWords<Failure> {
  first(failure: Failure): string;
  more(count: number): string;
}

export const HANDLER_WORDS: FailureWords<HandlerFailure> = {
  first: ({ sessionId, frameId }) => {
    const where = `session ${sessionId}${frameId === 0 ? '' : `, frame ${frameId}`}`;
    return `a handler of the server has failed (${where}); the event handlerFailure tells of each`;
  },
  more: (count) => `${count} more failures of handlers of the server; the last of them follows`,
};

export const INTERNAL_WORDS: FailureWords<InternalError> = {
  first: ({ remoteAddress, listener }) => {
    const where = remoteAddress === undefined ? '' : ` (client ${remoteAddress})`;
    const what =
      listener === undefined
        ? `an internal error of the server${where}`
        : `a listener of the event '${listener}' of the server has failed`;
    return `${what}; the event internalError tells of each`;
  },
  more: (count) =>
    `${count} more internal errors of the server, or of listeners of its events; the last of them follows`,
};

/**
 * Failures that no listener is told of: the first one is a warning of the process at once, with its stack; of those that
 * follow there is one warning a minute at most, with their number and the last of them.
 */
export class UnhandledFailures<Failure extends { readonly error: unknown }> {
  private timer: NodeJS.Timeout | undefined;
  private last: Failure | undefined;
  private count = 0;

  constructor(
    private readonly owner: Guarded,
    private readonly words: FailureWords<Failure>,
  ) {}

  add(failure: Failure): void {
    if (this.timer === undefined) {
      this.say(this.words.first(failure), failure);
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

  private sayCount(last: Failure): void {
    const { count } = this;
    this.count = 0;
    this.last = undefined;
    this.say(this.words.more(count), last);
  }

  private say(text: string, { error }: Failure): void {
    warn(text, error);
    this.timer = later(this.owner, INTERVAL_MS, () => {
      this.timer = undefined;
      if (this.last !== undefined) this.sayCount(this.last);
    });
    unref(this.timer);
  }
}
