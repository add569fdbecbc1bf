import { forCaller, type NnrpError, TimeoutError } from 'nnrp-core';
import { type Guarded, later } from '../base/guard.js';

interface AwaitedPong {
  readonly sentAtMs: number;
  readonly timer: NodeJS.Timeout;
  resolve(roundTripMs: number): void;
  reject(error: NnrpError): void;
}

/** PINGs without their PONG. Nothing in a PONG says which PING it answers, so they are matched in order. */
export class Pings {
  /** The last round trip in milliseconds; undefined before the first answer. */
  lastRoundTripMs: number | undefined;
  private readonly awaited: AwaitedPong[] = [];

  constructor(
    private readonly sendPing: () => void,
    private readonly timedOut: (error: TimeoutError) => void,
    private readonly owner: Guarded,
  ) {}

  get waiting(): number {
    return this.awaited.length;
  }

  /** @returns the round trip in milliseconds; rejects with TimeoutError, which costs the connection */
  ping(timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = later(this.owner, timeoutMs, () => {
        this.timedOut(new TimeoutError(`no PONG within ${timeoutMs} ms`, timeoutMs));
      });
      timer.unref();
      this.awaited.push({ sentAtMs: performance.now(), timer, resolve, reject });
      this.sendPing();
    });
  }

  /** @returns false when no PING waits for an answer */
  answered(): boolean {
    const oldest = this.awaited.shift();
    if (oldest === undefined) return false;
    clearTimeout(oldest.timer);
    this.lastRoundTripMs = performance.now() - oldest.sentAtMs;
    oldest.resolve(this.lastRoundTripMs);
    return true;
  }

  end(error: NnrpError): void {
    for (const { timer, reject } of this.awaited.splice(0)) {
      clearTimeout(timer);
      reject(forCaller(error));
    }
  }
}
