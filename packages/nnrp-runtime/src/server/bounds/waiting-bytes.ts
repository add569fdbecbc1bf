import type { BoundName, ServerBounds } from '../contract/server-bounds.js';

/** What all connections of a server have waiting, of one kind. */
export class ServerWaiting {
  /** Bytes that wait. */
  byteLength = 0;
  /** Connections that have something waiting. */
  private senders = 0;
  private held = new Set<ConnectionWaiting>();

  constructor(
    readonly name: BoundName,
    /** Bytes. */
    private readonly limit: number,
    readonly bounds: Pick<ServerBounds, 'hit'>,
  ) {}

  /**
   * Whether a connection with so much waiting is to be read no more. Up to half of the limit it is read. Above
   * that, a connection with more than its share of that half is stopped; the other half is left to all others.
   */
  stops(byteLength: number): boolean {
    if (this.byteLength * 2 < this.limit) return false;
    if (this.byteLength >= this.limit) return byteLength > 0;
    return byteLength * 2 * this.senders >= this.limit;
  }

  /** For a connection. */
  changed(before: number, after: number): void {
    const wasHigh = this.byteLength * 2 >= this.limit;
    this.byteLength += after - before;
    if (before === 0) this.senders++;
    if (after === 0) this.senders--;
    if (!wasHigh || this.byteLength * 2 >= this.limit) return;
    // Releases all of them: a connection that is over its own limit goes on waiting for that alone.
    const { held } = this;
    this.held = new Set();
    for (const connection of held) connection.relieved();
  }

  /** For a connection: it is not read because of all the others. */
  hold(connection: ConnectionWaiting): void {
    this.held.add(connection);
  }

  letGo(connection: ConnectionWaiting): void {
    this.held.delete(connection);
  }
}

/** What is read from, or not. */
export interface WaitingOwner {
  hold(): void;
  release(): void;
}

/** What one connection has waiting, of one kind: it is not read while that is too much, by itself or for the server. */
export class ConnectionWaiting {
  /** Bytes that wait. */
  byteLength = 0;
  private isHeld = false;
  private isOver = false;

  constructor(
    private readonly name: BoundName,
    /** Bytes. */
    private readonly limit: number,
    private readonly whole: ServerWaiting,
    private readonly owner: WaitingOwner,
  ) {}

  /** @param bytes - negative when they wait no more */
  add(bytes: number): void {
    // What is over has been given back as a whole.
    if (bytes === 0 || this.isOver) return;
    const before = this.byteLength;
    this.byteLength += bytes;
    this.whole.changed(before, this.byteLength);
    if (bytes > 0) this.holdWhenFull();
    else this.relieved();
  }

  /** Less waits than before, here or elsewhere. */
  relieved(): void {
    if (!this.isHeld || this.byteLength * 2 > this.limit) return;
    if (this.whole.stops(this.byteLength)) {
      this.whole.hold(this);
      return;
    }
    this.isHeld = false;
    this.whole.letGo(this);
    this.owner.release();
  }

  /** The connection is over. */
  end(): void {
    const before = this.byteLength;
    this.isHeld = false;
    this.isOver = true;
    this.whole.letGo(this);
    this.byteLength = 0;
    if (before > 0) this.whole.changed(before, 0);
  }

  private holdWhenFull(): void {
    if (this.isHeld) return;
    const isFull = this.byteLength >= this.limit;
    if (!isFull && !this.whole.stops(this.byteLength)) return;
    this.whole.bounds.hit(isFull ? this.name : this.whole.name);
    this.isHeld = true;
    if (!isFull) this.whole.hold(this);
    this.owner.hold();
  }
}
