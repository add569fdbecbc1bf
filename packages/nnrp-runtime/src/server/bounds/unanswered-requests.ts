import type { ServerBounds } from '../contract/server-bounds.js';
import type { ConnectionWaiting } from './waiting-bytes.js';

/** Requests of one kind and session that may be without an answer before their connection is not read any more. */
export const MAX_UNANSWERED = 64;

/** What a request without an answer holds besides its body. */
export const REQUEST_BYTES = 1024;

/** Where what they hold is counted. */
export type RequestBytes = Pick<ConnectionWaiting, 'add'>;

/** What these requests need of their connection. */
export interface ReadHolder {
  readonly bounds: Pick<ServerBounds, 'hit'>;
  /** Where their bytes count together with all that waits on the connection. */
  readonly memory: { readonly queue: RequestBytes };
  /** Stops reading until `release`. */
  hold(): void;
  release(): void;
}

/**
 * Patches, or moves, of one session that have no answer yet, in order. Answers carry no id, so none can be refused out of
 * turn; with too many of them the connection is not read until there are answers.
 */
export class UnansweredRequests<Request extends object> {
  /** With the bytes of each. */
  private readonly requests = new Map<Request, number>();
  private bytes = 0;
  private pausesReading = false;
  private isOver = false;
  private counted: RequestBytes;

  constructor(
    private readonly owner: ReadHolder,
    private readonly maxBytes: number,
  ) {
    this.counted = owner.memory.queue;
  }

  get size(): number {
    return this.requests.size;
  }

  /** The next that is to be answered. */
  get oldest(): Request | undefined {
    for (const request of this.requests.keys()) return request;
    return undefined;
  }

  has(request: Request): boolean {
    return this.requests.has(request);
  }

  /** @param bytes - that it holds */
  add(request: Request, bytes: number): void {
    this.requests.set(request, bytes);
    this.bytes += bytes;
    this.counted.add(bytes);
    if (this.pausesReading || (this.requests.size < MAX_UNANSWERED && this.bytes < this.maxBytes)) return;
    this.pausesReading = true;
    this.owner.bounds.hit('unansweredRequests');
    this.owner.hold();
  }

  /** It has its answer. @returns false when it had it before */
  answered(request: Request): boolean {
    const bytes = this.requests.get(request);
    if (bytes === undefined) return false;
    this.requests.delete(request);
    this.bytes -= bytes;
    if (this.isOver) return true;
    this.counted.add(-bytes);
    if (this.requests.size * 2 <= MAX_UNANSWERED && this.bytes * 2 <= this.maxBytes) this.readOn();
    return true;
  }

  /** The session has another connection, or none for now. */
  moveTo(counted: RequestBytes): void {
    const bytes = this.isOver ? 0 : this.bytes;
    this.counted.add(-bytes);
    this.counted = counted;
    counted.add(bytes);
  }

  /** The session is over. */
  end(): void {
    this.isOver = true;
    this.counted.add(-this.bytes);
    this.readOn();
  }

  private readOn(): void {
    if (!this.pausesReading) return;
    this.pausesReading = false;
    this.owner.release();
  }
}
