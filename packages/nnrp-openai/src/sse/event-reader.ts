import { createParser } from 'eventsource-parser';

/** How nearly every piece of a stream ends: with a whole event. */
const WHOLE = '\n\n';
/** Two ends of lines in a row. */
const EMPTY_LINE = /(?:\r\n|\n|\r(?!\n)){2,}/g;

/** What an event says. */
export interface SentEvent {
  readonly data: string;
  /** What it is called; undefined where it has no name. */
  readonly name: string | undefined;
}

/**
 * Reads the data of server-sent events from bytes, cut anywhere. What a line or an event may hold is bounded, and a line is
 * looked at once, however small the pieces are that it comes in.
 */
export class EventReader {
  readonly #decoder = new TextDecoder();
  readonly #parser;
  readonly #maxEventBytes: number;
  #pieces: string[] = [];
  #events: SentEvent[] = [];
  /** Of the event that is not at its end. */
  #bytes = 0;
  /** How the text so far ends, as far as that is ends of lines. */
  #lineEnds = '';

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes;
    this.#parser = createParser({
      onEvent: ({ data, event }) => void this.#events.push({ data, name: event }),
      // A comment is no part of the event that it may stand in. With its colon and the end of its line it has 2 bytes more at least.
      onComment: (text) => {
        this.#bytes -= Math.min(this.#bytes, text.length + 2);
      },
    });
  }

  /** @returns the events that have ended; undefined when one is longer than it may be */
  read(bytes: Uint8Array): readonly SentEvent[] | undefined {
    return this.#take(this.#decoder.decode(bytes, { stream: true }), bytes.length);
  }

  /** The end of the stream, which is the end of an event as well. */
  end(): readonly SentEvent[] {
    return this.#take(`${this.#decoder.decode()}\n\n`, 0) ?? [];
  }

  #take(text: string, byteLength: number): readonly SentEvent[] | undefined {
    this.#bytes += byteLength;
    this.#events = [];
    this.#pieces.push(text);
    if (/[\r\n]/.test(text)) {
      const whole = this.#pieces.join('');
      this.#pieces = [];
      this.#parser.feed(whole);
      this.#countFrom(text);
    } else if (text !== '') this.#lineEnds = '';
    return this.#bytes > this.#maxEventBytes ? undefined : this.#events;
  }

  /** An empty line ends an event, also one without data, which the parser does not report. */
  #countFrom(text: string): void {
    if (text.endsWith(WHOLE)) {
      this.#bytes = 0;
      this.#lineEnds = WHOLE;
      return;
    }
    const seen = this.#lineEnds + text;
    let end = -1;
    for (const { index, 0: lines } of seen.matchAll(EMPTY_LINE)) end = index + lines.length;
    if (end >= 0) this.#bytes = Buffer.byteLength(seen.slice(end));
    this.#lineEnds = /[\r\n]{0,3}$/.exec(seen)?.[0] ?? '';
  }
}
