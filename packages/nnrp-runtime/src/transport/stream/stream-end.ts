import type { Duplex } from 'node:stream';
import type { NnrpError } from 'nnrp-core';
import { aside, type Guarded, later, nextTurn } from '../../base/guard.js';
import { type Gauge, StallWatch } from './stall-watch.js';

/** Milliseconds after which a closing connection is cut even if the peer still takes bytes, drop by drop. */
const MAX_CLOSE_MS = 30_000;
/** Milliseconds that a stream gets to say that it is closed, once it has been destroyed; some never say it. */
const DESTROY_MS = 500;

/** The most that the end of a stream takes, in milliseconds. @param closeTimeoutMs - see {@link StreamEnd} */
export function maxCloseMs(closeTimeoutMs: number): number {
  return Math.max(MAX_CLOSE_MS, closeTimeoutMs) + 4 * DESTROY_MS;
}

/** What the end of a stream needs of its transport. */
export interface StreamEndOwner extends Guarded {
  /** The stream is closed, or given up; called once, perhaps within `destroy`. */
  streamClosed(): void;
}

/**
 * The end of a stream, where every wait has a limit: the peer has to take what is left, and then to end its own
 * side, whatever it sends meanwhile; a stream that was destroyed has to say that it is closed.
 */
export class StreamEnd {
  private watch: StallWatch | undefined;
  /** `ending`: our side has been ended; `closed`: nothing more is heard of the stream. */
  private state: 'open' | 'ending' | 'closed' = 'open';
  private closeTimer: NodeJS.Timeout | undefined;
  private destroyTimer: NodeJS.Timeout | undefined;

  /**
   * @param closeTimeoutMs - milliseconds that the peer may take nothing; again when it has all, for the end of its own side
   */
  constructor(
    private readonly owner: StreamEndOwner,
    private readonly stream: Duplex,
    private readonly gauge: Gauge,
    private readonly closeTimeoutMs: number,
  ) {}

  /** Whether the stream is closed. */
  get isOver(): boolean {
    return this.state === 'closed';
  }

  /** Our side has been ended: from now on the time of the peer runs. */
  begin(): void {
    if (this.state !== 'open') return;
    this.state = 'ending';
    this.watch = this.watchClosing();
    this.watch.begin();
    this.closeTimer = aside(this.owner, Math.max(MAX_CLOSE_MS, this.closeTimeoutMs), () => this.destroy());
  }

  /** Not every stream tells of its end: one that does not is not waited for. */
  destroy(error?: NnrpError): void {
    const { stream, owner } = this;
    stream.destroy(error);
    if (this.state === 'closed' || this.destroyTimer !== undefined) return;
    this.destroyTimer = later(owner, DESTROY_MS, () => this.closed());
    nextTurn(owner, () => {
      if (stream.closed) this.closed();
    });
  }

  /** The stream is closed, or not waited for any longer. */
  closed(): void {
    clearTimeout(this.destroyTimer);
    clearTimeout(this.closeTimer);
    this.watch?.end();
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.owner.streamClosed();
  }

  private watchClosing(): StallWatch {
    const { owner, stream, gauge, closeTimeoutMs } = this;
    const closing: Gauge = {
      get takenBytes() {
        // That everything has left is progress once more.
        return gauge.takenBytes + (stream.writableFinished ? closeTimeoutMs : 0);
      },
      get waitingBytes() {
        return gauge.waitingBytes;
      },
      get isAsking() {
        return gauge.isAsking;
      },
    };
    return new StallWatch(owner, closing, closeTimeoutMs, false, () => this.destroy());
  }
}
