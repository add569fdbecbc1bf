import { type Guarded, repeatedly } from '../../base/guard.js';
import { type Timer, unref } from '../../platform/platform.js';

/** What a keep-alive watches and does. */
export interface KeepAliveTarget extends Guarded {
  /** Packets received so far. */
  readonly received: number;
  /** Whether this side reads at all: while it does not, silence says nothing about the other. */
  readonly isReading: boolean;
  /** Asks the other side for a sign of life, unless that is being waited for already. */
  ask(): void;
}

/** Looks whether anything has come, a few times per period: a packet costs no timer of its own. */
const LOOKS = 4;

/** Asks for a sign of life when nothing has come for a while. */
export class KeepAlive {
  private readonly timer: Timer;
  private seen = 0;
  private quietLooks = 0;

  /**
   * @param periodMs - silence after which it asks, in milliseconds; a quarter more at most
   * @param ask - in place of the target's own way to ask
   */
  constructor(
    private readonly target: KeepAliveTarget,
    periodMs: number,
    private readonly ask: () => void = () => target.ask(),
  ) {
    this.timer = repeatedly(target, Math.max(1, Math.ceil(periodMs / LOOKS)), () => this.look());
    unref(this.timer);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { received, isReading } = this.target;
    if (received !== this.seen || !isReading) {
      this.seen = received;
      this.quietLooks = 0;
    } else if (++this.quietLooks >= LOOKS) {
      this.quietLooks = 0;
      this.ask();
    }
  }
}
