import { type NnrpError, TimeoutError } from 'nnrp-core';

/** The longest time a timer can wait. */
const MAX_TIMER_MS = 0x7fffffff;

/** The client's side of closing a session: one request, one final answer, in bounded time. */
export class CloseHandshake {
  /** How it ends; may be left alone, also when it rejects. */
  readonly result: Promise<void>;
  private readonly timer: NodeJS.Timeout;
  private resolve: () => void = () => {};
  private reject: (error: NnrpError) => void = () => {};

  /** @param timedOut - called with the error when nothing final came within `timeoutMs` milliseconds */
  constructor(sessionId: number, timeoutMs: number, timedOut: (error: TimeoutError) => void) {
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.result.catch(() => {});
    this.timer = setTimeout(
      () => {
        const text = `session ${sessionId}: the close was not confirmed within ${timeoutMs} ms`;
        timedOut(new TimeoutError(text, timeoutMs));
      },
      Math.min(timeoutMs, MAX_TIMER_MS),
    );
  }

  confirmed(): void {
    clearTimeout(this.timer);
    this.resolve();
  }

  failed(error: NnrpError): void {
    clearTimeout(this.timer);
    this.reject(error);
  }
}
