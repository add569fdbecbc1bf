import { INSPECT, type Inspect, inspected, isNnrpError, type NnrpError } from 'nnrp-core';
import type { AsyncItems } from '../../base/async-items.js';
import { Line } from '../../base/queues/line.js';
import { PushIterator } from '../streams/push-iterator.js';
import type { Reader } from '../streams/read-step.js';
import type { ClientOperation } from './client-operation.js';
import type { NnrpResult } from './nnrp-result.js';
import { retainedBytes } from './read-gate.js';

/** One result of a session and the operation it belongs to. */
export interface SessionResult {
  readonly operation: ClientOperation;
  readonly result: NnrpResult;
}

/** Counts what waits unread, so that reading can stop. */
export interface UnreadBytes {
  buffered(result: NnrpResult, bytes: number): void;
  consumed(bytes: number): void;
}

/** Every result of a session in the order of arrival, for one loop. */
export class ResultStream implements AsyncIterable<SessionResult> {
  private waiting: SessionResult[] = [];
  private head = 0;
  /** @internal For the session: bytes held for results that wait unread. */
  unreadBytes = 0;
  private reason: NnrpError | undefined;
  /** On their way to calls of the loop. */
  private readonly underWay = new Line<SessionResult>();
  private readonly iterator = new PushIterator<SessionResult>(this);

  /** @internal */
  constructor(
    private readonly unread: UnreadBytes,
    private readonly closed: () => void,
  ) {}

  [Symbol.asyncIterator](): AsyncItems<SessionResult> {
    return this.iterator;
  }

  /** @internal For the session: the next result. */
  push(item: SessionResult): void {
    if (this.iterator.deliver(item)) return;
    this.waiting.push(item);
    const bytes = retainedBytes(item.result);
    this.unreadBytes += bytes;
    this.unread.buffered(item.result, bytes);
  }

  /** @internal For tickets: which packet has brought the first result of each operation that was not read. */
  unreadFrom(): ReadonlyMap<ClientOperation, number> {
    const first = new Map<ClientOperation, number>();
    for (const { operation, result } of [...this.underWay, ...this.waiting.slice(this.head)])
      if (!first.has(operation)) first.set(operation, result.position);
    return first;
  }

  /** @internal For the loop: a result is on its way to it. */
  handed(item: SessionResult): Reader<SessionResult> | undefined {
    if (item.result.position === 0) return undefined;
    this.underWay.push(item);
    return this;
  }

  /** @internal For the loop: it has read the result. */
  received({ result: { position } }: SessionResult): void {
    const { underWay } = this;
    while ((underWay.first?.result.position ?? Number.POSITIVE_INFINITY) <= position) underWay.take();
  }

  /** @internal For the loop: it asks for more. */
  asked(): void {
    if (this.underWay.size > 0) this.underWay.drain();
  }

  /** @internal For the session: it is over. What waits can still be read. */
  end(reason: NnrpError): void {
    this.reason = reason;
    this.uncount(this.unreadBytes);
    this.iterator.ended();
  }

  /** @internal For the loop: the next result that waits. */
  take(): SessionResult | undefined {
    const item = this.waiting[this.head];
    if (item === undefined) return undefined;
    this.waiting[this.head++] = undefined as never;
    if (this.head === this.waiting.length) {
      this.waiting = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    this.uncount(Math.min(this.unreadBytes, retainedBytes(item.result)));
    return item;
  }

  /** @internal For the session: every result that waits. */
  eachUnread(visit: (result: NnrpResult) => void): void {
    for (let at = this.head; at < this.waiting.length; at++) visit((this.waiting[at] as SessionResult).result);
  }

  /** @internal For the loop: a session that was closed in good order ends it, any other end throws. */
  ending(): Error | true | undefined {
    if (this.reason === undefined) return undefined;
    return isNnrpError(this.reason, 'NNRP_ERR_CLOSED') ? true : this.reason;
  }

  /** @internal For the loop: it was left. */
  left(): void {
    // Before anything is uncounted: reading may go on at once, and what comes is not for this loop any more.
    this.closed();
    this.waiting = [];
    this.head = 0;
    this.uncount(this.unreadBytes);
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { unreadBytes, reason } = this;
    return { waitingResults: this.waiting.length - this.head, unreadBytes, endReason: reason?.message };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('ResultStream', this.toJSON(), depth, options, inspect);
  }

  private uncount(bytes: number): void {
    if (bytes === 0) return;
    this.unreadBytes -= bytes;
    this.unread.consumed(bytes);
  }
}
