import { INSPECT, type Inspect, inspected } from 'nnrp-core';
import { described } from '../../base/application/described.js';
import type { AsyncItems } from '../../base/async-items.js';
import { PushIterator, type PushSource } from './push-iterator.js';

/** Events that may wait unread in one stream. */
const MAX_WAITING_EVENTS = 1024;
/** Bytes that events may hold while they wait in one stream, or in several that share; one newest event may hold more. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** The newest event of a stream stays in any case when it holds no more, whatever the others hold. */
const SMALL_BYTES = 4096;

/** What events hold that wait in one stream, or in several that share the bound. */
export class WaitingEvents {
  bytes = 0;
  /** Streams that have more than a small newest event, the one first that has gone unread longest: its reader may be gone. */
  readonly reducible = new Set<{ reduce(): void }>();

  /** @param bytes - of the event that comes */
  makeRoom(bytes: number): void {
    for (const stream of this.reducible)
      while (this.bytes + bytes > MAX_WAITING_BYTES && this.reducible.has(stream)) stream.reduce();
  }
}

/**
 * Events in order, from the call that made the stream on. A loop that reads too slowly loses the oldest ones, and is
 * told how many. It ends with what it reports about, and when its loop is left.
 */
export class EventStream<E> implements AsyncIterable<E> {
  /** Events left out because they were not read in time. */
  dropped = 0;
  private waiting: E[] = [];
  private waitingBytes = 0;
  private isOver = false;
  private readonly iterator: PushIterator<E>;

  /**
   * @internal
   * @param bytesOf - bytes that an event holds while it waits
   * @param all - of all streams that share the bound; default this one alone
   */
  constructor(
    closed: (stream: EventStream<E>) => void,
    private readonly bytesOf: (event: E) => number,
    private all = new WaitingEvents(),
  ) {
    const source: PushSource<E> = {
      take: () => {
        // It is read: it goes behind those that are not.
        this.all.reducible.delete(this);
        return this.take();
      },
      ending: () => this.isOver || undefined,
      left: () => {
        this.waiting = [];
        this.count(-this.waitingBytes);
        closed(this);
      },
    };
    this.iterator = new PushIterator(source);
  }

  /** One loop: a second one shares its events. */
  [Symbol.asyncIterator](): AsyncItems<E> {
    return this.iterator;
  }

  /** @internal For the reporter: the next event. */
  push(event: E): void {
    if (this.isOver || this.iterator.deliver(event)) return;
    if (this.waiting.length === MAX_WAITING_EVENTS) this.reduce();
    const bytes = this.bytesOf(event);
    this.all.makeRoom(bytes);
    this.waiting.push(event);
    this.count(bytes);
  }

  /** @internal Leaves out the oldest event. */
  reduce(): void {
    this.take();
    this.dropped++;
  }

  /** @internal For the reporter: there will be no more; what waits can still be read. */
  end(): void {
    this.isOver = true;
    // It gets no more. Without a reader it is garbage, and must not count for ever.
    this.all.bytes -= this.waitingBytes;
    this.all.reducible.delete(this);
    this.all = new WaitingEvents();
    this.iterator.ended();
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { dropped, isOver } = this;
    return { state: isOver ? 'over' : 'open', waitingEvents: this.waiting.length, dropped };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('EventStream', this.toJSON(), depth, options, inspect);
  }

  private take(): E | undefined {
    const event = this.waiting.shift();
    if (event !== undefined) this.count(-this.bytesOf(event));
    return event;
  }

  private count(bytes: number): void {
    const { all, waiting } = this;
    this.waitingBytes += bytes;
    all.bytes += bytes;
    if (waiting.length > 1 || this.waitingBytes > SMALL_BYTES) all.reducible.add(this);
    else all.reducible.delete(this);
  }
}

/** The streams of one reporter. Events are made only while there is a listener. */
export class EventStreams<E> {
  private readonly streams = new Set<EventStream<E>>();
  private isOver = false;

  /**
   * @param bytesOf - bytes that an event holds while it waits
   * @param kept - the event as it may wait for long: without memory of which it needs little; default as it is
   * @param all - of all streams that share the bound; default each has its own
   */
  constructor(
    private readonly bytesOf: (event: E) => number,
    private readonly kept: (event: E) => E = asItIs,
    private readonly all?: WaitingEvents,
  ) {}

  /** Whether there is a listener. */
  get wanted(): boolean {
    return this.streams.size > 0;
  }

  open(): EventStream<E> {
    const stream = new EventStream<E>((left) => this.streams.delete(left), this.bytesOf, this.all);
    if (this.isOver) stream.end();
    else this.streams.add(stream);
    return stream;
  }

  push(event: E): void {
    if (!this.wanted) return;
    const own = described(this.kept(event));
    for (const stream of this.streams) stream.push(own);
  }

  end(): void {
    this.isOver = true;
    for (const stream of this.streams) stream.end();
    this.streams.clear();
  }
}

function asItIs<E>(event: E): E {
  return event;
}
