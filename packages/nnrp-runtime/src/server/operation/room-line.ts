import { Line } from '../../base/queues/line.js';
import type { ServerBounds } from '../contract/server-bounds.js';

/** Results that wait for their turn may take so many times what may wait in the outbox; of more, the client must go. */
const LINE_SHARE = 3;

/** A result that waits for its turn. */
export interface RoomWaiter {
  readonly bytes: number;
  /** Sends it; its place in the line is gone by then. */
  send(): void;
}

/**
 * Results of a connection that do not fit into its outbox any more. Many operations that end together may have more to say
 * than may wait to be sent, although each of them waits for room: so they send one after the other, in the order in which
 * they came, as the client takes what lies before them.
 */
export class RoomLine {
  /** Made when a result first has to wait. */
  private waiting: Line<RoomWaiter> | undefined;
  private waitingBytes = 0;

  /**
   * @param outbox - what waits to be sent
   * @param fillBytes - up to which results may fill it; one that is larger goes when nothing else waits there
   */
  constructor(
    private readonly outbox: { readonly byteLength: number },
    private readonly fillBytes: number,
    private readonly bounds: Pick<ServerBounds, 'hit'>,
  ) {}

  /** Bytes of the results that wait. */
  get byteLength(): number {
    return this.waitingBytes;
  }

  /** How many of them may wait. */
  static maxBytes(fillBytes: number): number {
    return fillBytes * LINE_SHARE;
  }

  /** Whether a result of so many bytes should wait, and may: one always may. */
  shouldWait(bytes: number): boolean {
    if (!this.isCrowded(bytes)) return false;
    if (this.waitingBytes === 0 || this.waitingBytes + bytes <= RoomLine.maxBytes(this.fillBytes)) return true;
    this.bounds.hit('waitingResultBytes');
    return false;
  }

  wait(waiter: RoomWaiter): void {
    this.waiting ??= new Line();
    this.waiting.push(waiter);
    this.waitingBytes += waiter.bytes;
  }

  /** Its sender waits no longer; called once. */
  leave(waiter: RoomWaiter): void {
    this.waiting?.remove(waiter);
    this.waitingBytes -= waiter.bytes;
  }

  /** All that was in the outbox has gone. */
  drained(): void {
    for (let next = this.waiting?.first; next !== undefined; next = this.waiting?.first) {
      if (this.isCrowded(next.bytes)) return;
      this.leave(next);
      next.send();
    }
  }

  /** The outbox is gone. Senders that waited for it go on: what they send is refused or kept. */
  end(): void {
    for (let next = this.waiting?.first; next !== undefined; next = this.waiting?.first) {
      this.leave(next);
      next.send();
    }
  }

  private isCrowded(bytes: number): boolean {
    const { byteLength } = this.outbox;
    return byteLength > 0 && byteLength + bytes > this.fillBytes;
  }
}
