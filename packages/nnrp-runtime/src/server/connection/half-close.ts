import { aside, type Guarded, nextTurn } from '../../base/guard.js';
import type { FramedTransport } from '../../transport/contract/contract.js';

/** Milliseconds between the PINGs to a client that may be gone: the first two soon, then ever more seldom. */
const FIRST_PING_MS = 20;
const MAX_PING_MS = 5000;

/** What a half-closed connection needs of its owner. */
export interface HalfCloseOwner extends Guarded {
  /** The client knows PING. */
  readonly knowsPeerMessages: boolean;
  readonly isClosed: boolean;
  /** Whether something is still to be said to the client. */
  owesAnswers(): boolean;
  sendPing(): void;
  /** Everything is said. */
  closeAnswered(): void;
}

/**
 * A client that has ended its direction, as batch clients do when they have sent all their work: what it has asked for is
 * still answered, then the connection ends.
 *
 * A client that was killed looks just the same. So it is sent a PING, which an end that is gone answers with a reset; the
 * next write sees it. A peer that knows no PING must not get one: there the transport finds out.
 */
export class HalfClose {
  private begun = false;
  private looking = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly transport: FramedTransport,
    private readonly owner: HalfCloseOwner,
  ) {}

  /** Whether the client sends nothing more. */
  get isBegun(): boolean {
    return this.begun;
  }

  begin(): void {
    this.begun = true;
    const { owner } = this;
    // Answers that are ready in this turn go first.
    nextTurn(owner, () => {
      if (owner.isClosed) return;
      if (!owner.owesAnswers()) owner.closeAnswered();
      else if (owner.knowsPeerMessages) this.ping(FIRST_PING_MS);
      else this.transport.probe?.();
    });
  }

  /** An answer has been given; another may follow in this turn. */
  answered(): void {
    if (!this.begun || this.looking) return;
    this.looking = true;
    const { owner } = this;
    nextTurn(owner, () => {
      this.looking = false;
      if (!owner.isClosed && !owner.owesAnswers()) owner.closeAnswered();
    });
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private ping(nextMs: number): void {
    const { owner } = this;
    if (owner.isClosed) return;
    owner.sendPing();
    this.timer = aside(owner, nextMs, () => this.ping(Math.min(nextMs * 4, MAX_PING_MS)));
  }
}
