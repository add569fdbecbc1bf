import type { HandlerError } from 'nnrp-runtime';
import { jsonText, parsedJson } from 'nnrp-runtime/transport';
import { type Dispatcher, Pool } from 'undici';
import { EventReader, type SentEvent } from '../sse/event-reader.js';
import type { UpstreamConfig } from './handler-options.js';
import { adviceOf } from './response-advice.js';
import { Secrets } from './secrets.js';
import {
  connectionFailure,
  cutFailure,
  eventFailure,
  formFailure,
  isHandlerError,
  poolFull,
  statusFailure,
  tooLarge,
} from './upstream-failure.js';

type Response = Dispatcher.ResponseData;

/** A request to a model server. */
export interface UpstreamRequest {
  /** Below the base URL, such as `/chat/completions`. */
  readonly path: string;
  /** Sent by POST; without one it is a GET. */
  readonly body?: object | undefined;
  /** Beside those of all requests. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends it at once. */
  readonly signal: AbortSignal;
  /** Told of the headers of the response, before anything else of it is looked at. */
  readonly begun: (headers: Response['headers']) => void;
  /** Names of events that end the stream, as `[DONE]` does in others. */
  readonly lastEvents?: ReadonlySet<string> | undefined;
}

/** By what the model server knows the gateway. */
interface Credentials extends Pick<UpstreamConfig, 'headers'> {
  readonly apiKey?: string | undefined;
}

const JSON_TYPE = 'application/json';
/** Of an error of a server as much is read. */
const MAX_ERROR_BYTES = 64 * 1024;
/** What a server sends behind the end of a stream is passed over, so that the connection can be used again. */
const MAX_REST_BYTES = 16 * 1024;
/** One that does not end its response then keeps the connection from others no longer than this. */
const REST_MS = 1000;
/** Answers 1xx before the one that counts: each of them makes the time until it begin anew. */
const MAX_INFORMATIONAL = 32;
/** What the official client takes for the end, whatever stands behind it. */
const DONE = '[DONE]';

/** The connections to one model server. */
export class Upstream {
  readonly #config: UpstreamConfig;
  readonly #pool: Pool;
  readonly #path: string;
  /** Of the base URL, such as the version that Azure wants. */
  readonly #query: string;
  #headers: Readonly<Record<string, string>> = {};
  /** What is in headers and query of every request, and not to come back in an error. */
  #secrets = new Secrets([]);
  #sent: Credentials = { apiKey: undefined, headers: {} };
  #requests = 0;

  constructor(config: UpstreamConfig) {
    this.#config = config;
    const { baseUrl, maxConnections, connectTimeoutMs, responseTimeoutMs, idleTimeoutMs } = config;
    this.#pool = new Pool(baseUrl.origin, {
      connections: maxConnections,
      pipelining: 1,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: responseTimeoutMs,
      bodyTimeout: idleTimeoutMs,
      // Compression is never asked for, and redirects are not followed.
    });
    this.#query = baseUrl.search;
    this.#path = baseUrl.pathname.replace(/\/+$/, '');
    this.renew(config);
  }

  /** Requests from now on are sent with these. */
  renew({ apiKey, headers }: Credentials): void {
    const { searchParams } = this.#config.baseUrl;
    const before = this.#sent;
    this.#sent = { apiKey, headers };
    // Those that are under way have been sent with the ones before.
    const keys = [before, this.#sent].flatMap((sent) => [sent.apiKey, ...Object.values(sent.headers)]);
    this.#secrets = new Secrets([...keys, ...searchParams.values()]);
    this.#headers = {
      accept: 'application/json, text/event-stream',
      'accept-encoding': 'identity',
      'user-agent': 'nnrp-openai',
      ...headers,
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    };
  }

  /** An event of a stream that is an error. @param said - JSON, or a text */
  eventFailure(said: unknown): HandlerError {
    return eventFailure(said, this.#secrets);
  }

  /** Requests that are under way or wait for a connection. */
  get requestCount(): number {
    return this.#requests;
  }

  /**
   * Asks for an answer in one piece.
   * @throws (as a rejection) HandlerError that says what has failed
   */
  async json(request: UpstreamRequest): Promise<unknown> {
    return this.#counted(async () => {
      const body = await this.#responseTo(request, JSON_TYPE);
      const { maxResponseBytes } = this.#config;
      const bytes = await readAll(body, maxResponseBytes);
      if (bytes === undefined) throw tooLarge('a response', maxResponseBytes);
      const value = parsedJson(bytes);
      if (value === undefined)
        throw formFailure(`${bytes.length} bytes that are no JSON, nest too deeply or have too many parts`);
      return value;
    });
  }

  /**
   * Asks for a stream of events: gives each until `[DONE]` or the last event, which it returns true for, or the end. It reads on when it is
   * asked to, and leaving it ends the request.
   * @throws HandlerError that says what has failed
   */
  async *events(request: UpstreamRequest): AsyncGenerator<SentEvent, boolean, void> {
    this.#enter();
    let body: Response['body'] | undefined;
    let isDone = false;
    try {
      body = await this.#responseTo(request, 'text/event-stream');
      const reader = new EventReader(this.#config.maxEventBytes);
      for await (const chunk of chunksOf(body)) {
        for (const event of whole(reader.read(chunk), this.#config)) {
          if (event.data.startsWith(DONE)) {
            isDone = true;
            return true;
          }
          isDone = event.name !== undefined && request.lastEvents?.has(event.name) === true;
          yield event;
          if (isDone) return true;
        }
      }
      // The end of the stream ends its last event, too.
      for (const event of reader.end()) {
        isDone = event.data.startsWith(DONE);
        if (isDone) return true;
        yield event;
      }
      isDone = true;
      return false;
    } finally {
      if (isDone && body !== undefined) passOver(body);
      else body?.destroy();
      this.#requests--;
    }
  }

  /** Ends every request, and the connections. */
  destroy(): Promise<void> {
    return this.#pool.destroy();
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#enter();
    try {
      return await work();
    } finally {
      this.#requests--;
    }
  }

  #enter(): void {
    const { maxConnections, maxWaitingRequests } = this.#config;
    if (this.#requests >= maxConnections + maxWaitingRequests) throw poolFull(maxConnections + maxWaitingRequests);
    this.#requests++;
  }

  /** The body of the response, which is a success of this type. */
  async #responseTo(request: UpstreamRequest, type: string): Promise<Response['body']> {
    const { statusCode, headers, body } = await this.#send(request);
    request.begun(headers);
    // The reader of the body is told of its errors. Once the body is given up, it has no reader.
    body.on('error', () => {});
    if (statusCode >= 200 && statusCode < 300) {
      const wrong = wrongForm(headers, type);
      if (wrong === undefined) return body;
      body.destroy();
      throw formFailure(wrong);
    }
    if (statusCode < 400) {
      body.destroy();
      throw formFailure(`a redirect, status ${statusCode}: baseUrl is not where its interface is`);
    }
    const bytes = await readAll(body, MAX_ERROR_BYTES).catch((error: unknown) => {
      request.signal.throwIfAborted();
      // Its status says enough.
      void error;
      return undefined;
    });
    const value = bytes === undefined ? undefined : (parsedJson(bytes) ?? plainText(headers, bytes));
    throw statusFailure(statusCode, value, adviceOf(headers), this.#secrets);
  }

  async #send({ path, body, headers, signal }: UpstreamRequest): Promise<Response> {
    const tooMany = new AbortController();
    let informational = 0;
    try {
      return await this.#pool.request({
        path: `${this.#path}${path}${this.#query}`,
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...this.#headers, ...headers, ...(body !== undefined && { 'content-type': JSON_TYPE }) },
        body: body === undefined ? null : jsonText(body, 'openAiHandler: body'),
        signal: AbortSignal.any([signal, tooMany.signal]),
        onInfo: () => {
          if (++informational > MAX_INFORMATIONAL) tooMany.abort();
        },
      });
    } catch (error) {
      signal.throwIfAborted();
      if (tooMany.signal.aborted) throw formFailure(`more than ${MAX_INFORMATIONAL} statuses below 200`);
      throw connectionFailure(error, false);
    }
  }
}

/** What is behind the end. */
function passOver(body: Response['body']): void {
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(), REST_MS).unref();
  body
    .on('close', () => clearTimeout(timer))
    .on('data', (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > MAX_REST_BYTES) body.destroy();
    })
    .resume();
}

function wrongForm(headers: Response['headers'], type: string): string | undefined {
  if (isCompressed(headers)) return 'compressed bytes, which were not asked for';
  const given = typeOf(headers);
  // Some servers name a form of JSON, such as application/vnd.api+json.
  const fits = given === type || (type === JSON_TYPE && given?.endsWith('+json') === true);
  return fits ? undefined : `a content-type other than ${type}`;
}

/** What is wrong with a request, some servers say without JSON. */
function plainText(headers: Response['headers'], bytes: Uint8Array): string | undefined {
  return typeOf(headers) === 'text/plain' && !isCompressed(headers)
    ? new TextDecoder().decode(bytes).trim()
    : undefined;
}

function isCompressed(headers: Response['headers']): boolean {
  return String(headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity';
}

function typeOf(headers: Response['headers']): string | undefined {
  return String(headers['content-type'] ?? '')
    .split(';', 1)[0]
    ?.trim()
    .toLowerCase();
}

/** Chunks as they come, without an end to the stream when the loop is left. */
async function* chunksOf(body: Response['body']): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
  } catch (error) {
    throw readFailure(error);
  }
}

/** @returns undefined when there is more than may be, and the rest is not read */
async function readAll(body: Response['body'], maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(body)) {
    length += chunk.length;
    if (length > maxBytes) {
      body.destroy();
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function whole(events: readonly SentEvent[] | undefined, { maxEventBytes }: UpstreamConfig): readonly SentEvent[] {
  if (events === undefined) throw tooLarge('an event', maxEventBytes);
  return events;
}

/** An abort goes through as it is. */
function readFailure(error: unknown): unknown {
  const { name } = (error ?? {}) as { readonly name?: unknown };
  if (name === 'AbortError' || error === undefined) return error ?? cutFailure();
  return isHandlerError(error) ? error : connectionFailure(error, true);
}
