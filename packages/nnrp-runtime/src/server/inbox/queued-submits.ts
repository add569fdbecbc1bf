import { type Guarded, nextTurn } from '../../base/guard.js';
import type { ConnectionWaiting } from '../bounds/waiting-bytes.js';
import type { Operation } from '../operation/operation.js';

/** What a waiting submit costs besides the memory that its packet keeps, rounded up (measured). */
const SUBMIT_BYTES = 1024;

/**
 * The submits of a session that wait, for the application or for a handler, and the memory that they keep. A submit that
 * still waits when the turn is over is moved out of a chunk of which it fills little; one taken before is not copied.
 */
export class QueuedSubmits {
  /** Bytes of those that wait. */
  byteLength = 0;
  /** How many wait. */
  size = 0;
  /** Bytes that handlers hold, of those that wait; they may hold them for longer than there is a session. */
  private handlerBytes = 0;
  /** Bytes that handlers hold which may last as long as the session: they count from its end on. */
  private lastingBytes = 0;
  private young: Operation[] | undefined;
  private isOver = false;

  /** @param connection - what waits on it */
  constructor(
    private connection: ConnectionWaiting,
    private readonly owner: Guarded,
  ) {}

  /** Whether so little waits on the connection that something may be added which stays. */
  get isLow(): boolean {
    return this.connection.isLow;
  }

  add(operation: Operation): void {
    if (operation.queuedBytes > 0) return;
    operation.queuedBytes = SUBMIT_BYTES + operation.settledBytes;
    this.size++;
    this.count(operation.queuedBytes);
    if (this.young !== undefined) {
      this.young.push(operation);
      return;
    }
    this.young = [operation];
    nextTurn(this.owner, () => this.settle());
  }

  remove(operation: Operation): void {
    const { queuedBytes } = operation;
    if (queuedBytes === 0) return;
    operation.queuedBytes = 0;
    this.size--;
    this.count(-queuedBytes);
  }

  /** The session is over. */
  end(): void {
    this.young = undefined;
    this.handlerBytes += this.lastingBytes;
    this.count(this.handlerBytes - this.byteLength);
    this.isOver = true;
  }

  /** @param bytes - that the handler of the session holds, which may last as long as the session does; negative when it is done */
  holdForSession(bytes: number): void {
    if (this.isOver) this.holdForHandler(bytes);
    else this.lastingBytes += bytes;
  }

  /** @param bytes - that a handler of a message holds; negative when it is done */
  holdForHandler(bytes: number): void {
    this.handlerBytes += bytes;
    this.byteLength += bytes;
    this.connection.add(bytes);
  }

  /** @param bytes - of something else that waits for the application; negative when it waits no more */
  count(bytes: number): void {
    if (this.isOver) return;
    this.byteLength += bytes;
    this.connection.add(bytes);
  }

  /** The session has another connection, or none for now. */
  moveTo(connection: ConnectionWaiting): void {
    this.connection.add(-this.byteLength);
    this.connection = connection;
    connection.add(this.byteLength);
  }

  private settle(): void {
    const { young = [] } = this;
    this.young = undefined;
    for (const operation of young) if (operation.queuedBytes > 0) operation.settleIn();
  }
}
