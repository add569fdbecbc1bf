import type { BoundName, ServerBounds } from '../contract/server-bounds.js';

/** Messages that no handler has to take may fill an eighth of a limit: they may wait as long as their session lives. */
const LOW_PART = 8;

/** What all connections of a server have waiting, of one kind. */
export class ServerWaiting {
  /** Bytes that wait. */
  byteLength = 0;
  /** Connections that have something waiting. */
  private senders = 0;
  private paused = new Set<ConnectionWaiting>();

  constructor(
    readonly name: BoundName,
    /** Bytes. */
    private readonly limit: number,
    readonly bounds: Pick<ServerBounds, 'hit'>,
  ) {}

  /**
   * Whether a connection with so much waiting is to be read no more. Up to half of the limit none is; above it the one that has
   * more than his share of that half, so that some that fill it leave the other half to all others.
   */
  stops(byteLength: number): boolean {
    if (this.byteLength * 2 < this.limit) return false;
    if (this.byteLength >= this.limit) return byteLength > 0;
    return byteLength * 2 * this.senders >= this.limit;
  }

  /** Whether so little waits that something may be added which stays. */
  get isLow(): boolean {
    return this.byteLength * LOW_PART < this.limit;
  }

  /** For a connection. */
  changed(before: number, after: number): void {
    const wasHigh = this.byteLength * 2 >= this.limit;
    this.byteLength += after - before;
    if (before === 0) this.senders++;
    if (after === 0) this.senders--;
    if (!wasHigh || this.byteLength * 2 >= this.limit) return;
    // All of them leave: a connection that is full by itself waits for that alone.
    const { paused } = this;
    this.paused = new Set();
    for (const connection of paused) connection.relieved();
  }

  /** For a connection: it is not read because of all the others. */
  hold(connection: ConnectionWaiting): void {
    this.paused.add(connection);
  }

  letGo(connection: ConnectionWaiting): void {
    this.paused.delete(connection);
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
  private pausesReading = false;
  private isOver = false;
  /** Nothing is counted any more. */
  private isForgotten = false;

  constructor(
    private readonly name: BoundName,
    /** Bytes. */
    private readonly limit: number,
    private readonly whole: ServerWaiting,
    private readonly owner: WaitingOwner,
  ) {}

  /** Whether so little waits, here and in all, that something may be added which stays. */
  get isLow(): boolean {
    return this.byteLength * LOW_PART < this.limit && this.whole.isLow;
  }

  /** @param bytes - negative when they wait no more */
  add(bytes: number): void {
    if (bytes === 0 || this.isForgotten) return;
    const before = this.byteLength;
    this.byteLength += bytes;
    this.whole.changed(before, this.byteLength);
    if (this.isOver) return;
    if (bytes > 0) this.holdWhenFull();
    else this.relieved();
  }

  /** Less waits than before, here or elsewhere. */
  relieved(): void {
    if (!this.pausesReading || this.byteLength * 2 > this.limit) return;
    if (this.whole.stops(this.byteLength)) {
      this.whole.hold(this);
      return;
    }
    this.pausesReading = false;
    this.whole.letGo(this);
    this.owner.release();
  }

  /** The connection is over: what is still held counts in all until it is given back. */
  end(): void {
    this.pausesReading = false;
    this.isOver = true;
    this.whole.letGo(this);
  }

  /** The same, and nothing is held any more. */
  forget(): void {
    this.end();
    this.isForgotten = true;
    const before = this.byteLength;
    this.byteLength = 0;
    if (before > 0) this.whole.changed(before, 0);
  }

  private holdWhenFull(): void {
    if (this.pausesReading) return;
    const isFull = this.byteLength >= this.limit;
    if (!isFull && !this.whole.stops(this.byteLength)) return;
    this.whole.bounds.hit(isFull ? this.name : this.whole.name);
    this.pausesReading = true;
    if (!isFull) this.whole.hold(this);
    this.owner.hold();
  }
}
