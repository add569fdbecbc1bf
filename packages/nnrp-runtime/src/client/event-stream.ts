import { PushIterator, type PushSource } from './push-iterator.js';

/** Events that may wait unread in one stream. */
const MAX_WAITING_EVENTS = 1024;

/**
 * Events in order, from the call that made the stream on. Whoever reads too slowly loses the oldest ones, and is told
 * how many. It ends with what it reports about, and when its loop is left.
 */
export class EventStream<E> implements AsyncIterable<E, undefined> {
  /** Events left out because they were not read in time. */
  dropped = 0;
  private waiting: E[] = [];
  private head = 0;
  private over = false;
  private readonly iterator: PushIterator<E>;

  constructor(closed: (stream: EventStream<E>) => void) {
    const source: PushSource<E> = {
      take: () => this.take(),
      ending: () => this.over || undefined,
      left: () => {
        this.waiting = [];
        this.head = 0;
        closed(this);
      },
    };
    this.iterator = new PushIterator(source);
  }

  /** One loop: a second one shares its events. */
  [Symbol.asyncIterator](): AsyncIterableIterator<E, undefined> {
    return this.iterator;
  }

  /** For the reporter: the next event. */
  push(event: E): void {
    if (this.over || this.iterator.deliver(event)) return;
    this.waiting.push(event);
    if (this.waiting.length - this.head <= MAX_WAITING_EVENTS) return;
    this.take();
    this.dropped++;
  }

  /** For the reporter: there will be no more; what waits can still be read. */
  end(): void {
    this.over = true;
    this.iterator.ended();
  }

  private take(): E | undefined {
    const event = this.waiting[this.head];
    if (event === undefined) return undefined;
    this.waiting[this.head++] = undefined as never;
    if (this.head === this.waiting.length) {
      this.waiting = [];
      this.head = 0;
    } else if (this.head > MAX_WAITING_EVENTS) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    return event;
  }
}

/** The streams of one reporter. Events are made only while somebody listens. */
export class EventStreams<E> {
  private readonly streams = new Set<EventStream<E>>();
  private over = false;

  /** Whether anybody listens. */
  get wanted(): boolean {
    return this.streams.size > 0;
  }

  open(): EventStream<E> {
    const stream = new EventStream<E>((left) => this.streams.delete(left));
    if (this.over) stream.end();
    else this.streams.add(stream);
    return stream;
  }

  push(event: E): void {
    for (const stream of this.streams) stream.push(event);
  }

  end(): void {
    this.over = true;
    for (const stream of this.streams) stream.end();
    this.streams.clear();
  }
}
