import type { ServerResponse } from 'node:http';
import type { HttpFailure } from './http-failure.js';

const JSON_TYPE = 'application/json; charset=utf-8';
/** So much is handed over at once: a client that reads slowly, but does read, takes it within its time. */
const SLICE_BYTES = 64 * 1024;

/** An event of an answer. */
export interface StreamEvent {
  /** One line. */
  readonly data: string;
  /** One word; left out where the data alone says what it is. */
  readonly name?: string;
}

/** Writes the answer to one request, no faster than the client reads. */
export class AnswerWriter {
  readonly #response: ServerResponse;
  readonly #stallTimeoutMs: number;
  readonly #heartbeatMs: number;
  readonly #gone: AbortSignal;
  #heartbeat: NodeJS.Timeout | undefined;
  #isStream = false;
  /** What the answer calls its request, which operators are asked about. */
  requestId: string;
  /** What a stream says of a failure. */
  failureEvent: (error: HttpFailure['error']) => StreamEvent = (error) => ({ data: JSON.stringify({ error }) });

  /**
   * @param gone - aborts when the client has gone
   * @param requestId - unless the model server has one of its own
   */
  constructor(
    response: ServerResponse,
    { stallTimeoutMs, heartbeatMs }: { stallTimeoutMs: number; heartbeatMs: number },
    gone: AbortSignal,
    requestId: string,
  ) {
    this.requestId = requestId;
    this.#response = response;
    this.#gone = gone;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#heartbeatMs = heartbeatMs;
  }

  /** The client has gone, or the whole answer has been given. */
  get isOver(): boolean {
    return this.#gone.aborted || this.#response.destroyed || this.#response.writableEnded;
  }

  /** An answer in one piece. @param keepsAlive - false where the rest of the request is not read */
  json(
    status: number,
    value: unknown,
    headers: Readonly<Record<string, string>> = {},
    keepsAlive = true,
  ): Promise<void> {
    this.stopHeartbeat();
    if (this.isOver) return Promise.resolve();
    const text = JSON.stringify(value);
    this.#response.writeHead(status, {
      'content-type': JSON_TYPE,
      'content-length': Buffer.byteLength(text),
      'x-content-type-options': 'nosniff',
      'x-request-id': this.requestId,
      ...(!keepsAlive && { connection: 'close' }),
      ...headers,
    });
    return this.#ended(text);
  }

  /** A failure: by its status, or within a stream that has begun as an event, which clients throw as an error. */
  failure({ status, error, retryAfterMs, isFutile, requestId, allow }: HttpFailure, keepsAlive = true): Promise<void> {
    if (this.#isStream) {
      this.stopHeartbeat();
      return this.isOver ? Promise.resolve() : this.#ended(eventText(this.failureEvent(error)));
    }
    const advice = { 'retry-after': String(Math.ceil(retryAfterMs / 1000)), 'retry-after-ms': String(retryAfterMs) };
    if (requestId !== undefined) this.requestId = requestId;
    const headers: Record<string, string> = {
      ...(retryAfterMs > 0 && advice),
      // The openai package repeats requests that fail with 500 or more, unless it reads this.
      ...(isFutile !== undefined && { 'x-should-retry': String(!isFutile) }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(allow !== undefined && { allow }),
    };
    return this.json(status, { error }, headers, keepsAlive);
  }

  /** From now on a comment is sent whenever the answer is silent, and with the first one the stream begins. */
  startHeartbeat(): void {
    this.#heartbeat = setInterval(() => {
      // Where the client does not read, there is nothing to keep alive.
      if (this.isOver || this.#response.writableNeedDrain) return;
      this.#begin();
      this.#response.write(': heartbeat\n\n');
    }, this.#heartbeatMs);
  }

  stopHeartbeat(): void {
    clearInterval(this.#heartbeat);
  }

  /** An event. Resolves when there is room for more, or when the client has gone. */
  event(event: StreamEvent): Promise<void> | undefined {
    if (this.isOver) return undefined;
    this.#heartbeat?.refresh();
    this.#begin();
    const text = eventText(event);
    if (text.length > SLICE_BYTES) return this.#slices(Buffer.from(text));
    return this.#response.write(text) ? undefined : this.#settled('drain');
  }

  /** The end of a stream, after an event. */
  endStream(event: StreamEvent): Promise<void> {
    this.stopHeartbeat();
    if (this.isOver) return Promise.resolve();
    this.#begin();
    return this.#ended(eventText(event));
  }

  #begin(): void {
    if (this.#isStream) return;
    this.#isStream = true;
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      'x-request-id': this.requestId,
    });
  }

  async #ended(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const last = Math.max(0, bytes.length - SLICE_BYTES);
    await this.#slices(bytes.subarray(0, last));
    if (this.isOver) return;
    const settled = this.#settled('finish');
    this.#response.end(bytes.subarray(last));
    await settled;
  }

  async #slices(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.isOver; at += SLICE_BYTES) {
      if (!this.#response.write(bytes.subarray(at, at + SLICE_BYTES))) await this.#settled('drain');
    }
  }

  /** A client that takes nothing for too long is gone. */
  #settled(event: 'drain' | 'finish'): Promise<void> {
    const response = this.#response;
    const gone = this.#gone;
    return new Promise((resolve) => {
      const settle = () => {
        isSettled = true;
        clearInterval(timer);
        gone.removeEventListener('abort', settle);
        response.off(event, settle).off('close', settle);
        resolve();
      };
      let isSettled = false;
      const judge = () => {
        // An answer behind another one of its connection has none yet: it is not the client that holds it up.
        if (!isSettled && response.socket !== null) response.destroy();
      };
      // After the event loop has stood still, what the client has taken meanwhile is looked at first.
      const timer = setInterval(() => setImmediate(judge), this.#stallTimeoutMs);
      response.on(event, settle).on('close', settle);
      gone.addEventListener('abort', settle);
      if (response.destroyed || gone.aborted) settle();
    });
  }
}

function eventText({ data, name }: StreamEvent): string {
  return name === undefined ? `data: ${data}\n\n` : `event: ${name}\ndata: ${data}\n\n`;
}
