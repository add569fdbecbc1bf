import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { shownValue, UsageError } from 'nnrp-core';
import type { NnrpClient } from 'nnrp-runtime';
import type { CallMetadata, CallOptions } from 'nnrp-runtime/calls';
import { formatAddress, integer, optionTable, parseAddress, readValues } from 'nnrp-runtime/transport';
import { CallSessions } from '../sessions/call-sessions.js';
import { AnswerWriter } from './answer-writer.js';
import { type Doorkeeper, doorkeeper } from './bearer.js';
import { answerCall, unlessGone } from './call-answer.js';
import { FailureReports } from './failure-reports.js';
import { goneSignal } from './gone-signal.js';
import { type BytePool, HeldBytes } from './held-bytes.js';
import { failureOf, refusal } from './http-failure.js';
import { readBody } from './request-body.js';
import { noRoute, type Route, routeOf } from './routes.js';
import { type OpenAiServerOptions, type ServerConfig, serverOptions } from './server-options.js';

/** For probes, at the path that model servers have it at. It is answered without a server of NNRP and without a key. */
const HEALTH = '/health';
const BUSY_RETRY_MS = 1000;
/** How often late requests are looked for. */
const CHECK_MS = 1000;
const TRACE_NAMES = ['traceparent', 'tracestate'] as const;
const MAX_TRACE_LENGTH = 512;
const CLOSE_OPTIONS = optionTable<{ readonly drainTimeoutMs?: number | undefined }>({
  drainTimeoutMs: integer(0, 0x7fffffff),
});

/**
 * An HTTP server for clients of OpenAI's interface, answered by an NNRP server that serves the profile `openai-compatible/1`:
 * `/v1/chat/completions`, `/v1/completions`, `/v1/responses` (to create one), `/v1/embeddings`, `/v1/models` and `/v1/models/NAME`; and
 * `/health` for probes.
 *
 * @param connect - makes the client; called for the first request, and again when that client is over
 * @throws UsageError on a wrong argument or option
 * @example
 * const gateway = createOpenAiServer(() => NnrpClient.connect('nnrp://127.0.0.1:4433'), { keys: ['key'] });
 * console.log(await gateway.listen('127.0.0.1:8080'));
 */
export function createOpenAiServer(
  connect: () => PromiseLike<NnrpClient>,
  options?: OpenAiServerOptions,
): OpenAiServer {
  return new OpenAiServer(connect, options);
}

export class OpenAiServer {
  readonly #config: ServerConfig;
  readonly #sessions: CallSessions;
  #letIn: Doorkeeper;
  readonly #server: Server;
  readonly #reports = new FailureReports();
  readonly #bodies: BytePool;
  #requests = 0;
  /** From the call of `listen`, unless that fails. */
  #listens = false;
  #isClosing = false;

  /** As `createOpenAiServer`. */
  constructor(connect: () => PromiseLike<NnrpClient>, options?: OpenAiServerOptions) {
    if (typeof connect !== 'function')
      throw new UsageError(
        `createOpenAiServer: connect takes a function that returns a promise of a client, such as () => NnrpClient.connect('127.0.0.1:4433'), got ${shownValue(connect)}`,
      );
    this.#config = serverOptions(options);
    const { maxSessions, session, maxHeaderBytes, requestTimeoutMs, maxConnections } = this.#config;
    this.#sessions = new CallSessions(async () => connect(), maxSessions, { maxInFlightOperations: 0, ...session });
    this.#letIn = doorkeeper(this.#config);
    this.#bodies = { most: this.#config.maxBufferedBodyBytes, held: 0 };
    this.#server = createServer(
      {
        maxHeaderSize: maxHeaderBytes,
        headersTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        connectionsCheckingInterval: Math.min(CHECK_MS, requestTimeoutMs),
        keepAlive: true,
      },
      (request, response) => void this.handle(request, response),
    );
    this.#server.maxConnections = maxConnections;
    this.#server.on('drop', () => this.#reports.full(maxConnections));
  }

  /** Requests that are being answered. */
  get requestCount(): number {
    return this.#requests;
  }

  /** Sessions with the NNRP server. */
  get sessionCount(): number {
    return this.#sessions.count;
  }

  /**
   * Listens.
   *
   * @param address - a host and a port, 0 = any that is free
   * @returns where clients find it: the `baseURL` of the openai package, such as `http://127.0.0.1:8080/v1`
   * @throws (as a rejection) UsageError on an address that is none, and when it listens already or is closed; and what the system refuses
   */
  async listen(address: string): Promise<string> {
    const { host, port } = parseAddress(address);
    const server = this.#server;
    if (this.#isClosing) throw new UsageError('createOpenAiServer: it is closed');
    if (this.#listens) throw new UsageError('createOpenAiServer: it listens already');
    this.#listens = true;
    try {
      await listening(server, host, port);
    } catch (error) {
      this.#listens = false;
      throw error;
    }
    const bound = server.address();
    if (typeof bound !== 'object' || bound === null) throw new UsageError('createOpenAiServer: it does not listen');
    return `http://${formatAddress(bound.address, bound.port)}/v1`;
  }

  /**
   * Lets requests from now on in by other keys; those that are being answered go on.
   * @throws UsageError on keys that do not fit, and where there were none before
   */
  renewKeys(keys: readonly string[]): void {
    if (this.#config.keys === undefined)
      throw new UsageError('createOpenAiServer: renewKeys is for a server that was made with keys');
    this.#letIn = doorkeeper(serverOptions({ keys }));
  }

  /** Answers one request, for an HTTP server of the application's own. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = goneSignal(request, response);
    const requestId = `req_${randomUUID().replaceAll('-', '')}`;
    const writer = new AnswerWriter(response, this.#config, gone, requestId);
    // What a broken connection says is told by its close.
    response.on('error', () => {});
    // A connection that its client keeps for the next request would hold a close up.
    response.once('close', () => {
      if (this.#isClosing) this.#server.closeIdleConnections();
    });
    const held = new HeldBytes(this.#bodies);
    this.#requests++;
    try {
      await this.#answer(request, writer, gone, held);
    } catch (error) {
      this.#reports.tell(error, gone.aborted);
      await writer.failure(failureOf(error));
    } finally {
      writer.stopHeartbeat();
      held.release();
      this.#requests--;
    }
  }

  /**
   * Takes no more requests, lets those under way end within their time, and closes the client.
   *
   * @param options - `drainTimeoutMs`: milliseconds that they have; default 5000
   * @throws (as a rejection) UsageError on a wrong option
   */
  async close(options?: { readonly drainTimeoutMs?: number | undefined }): Promise<void> {
    const { drainTimeoutMs = 5000 } = readValues('close options', options, CLOSE_OPTIONS);
    this.#isClosing = true;
    const server = this.#server;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), drainTimeoutMs);
    await closed;
    clearTimeout(timer);
    await this.#sessions.close();
  }

  async #answer(request: IncomingMessage, writer: AnswerWriter, signal: AbortSignal, held: HeldBytes): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    // A server that has as many requests as it may is well.
    const isProbe = path === HEALTH && ['GET', 'HEAD'].includes(request.method ?? '');
    if (isProbe && !this.#isClosing) return writer.json(200, { status: 'ok' });
    if (this.#isClosing || this.#requests > this.#config.maxRequests) {
      const message = this.#isClosing ? 'the gateway is shutting down' : 'as many requests as may are being answered';
      return writer.failure(refusal(503, message, { type: 'server_error', retryAfterMs: BUSY_RETRY_MS }), false);
    }
    const route = routeOf(path);
    const metadata = await unlessGone(this.#letIn(request, path), signal);
    if (metadata === undefined) {
      const message = 'the bearer key is missing, or is none that is known here';
      return writer.failure(refusal(401, message, { code: 'invalid_api_key' }), false);
    }
    if (route === undefined) return writer.failure(refusal(404, noRoute(path)), false);
    if (request.method !== route.method) {
      const { method: allow } = route;
      return writer.failure({ ...refusal(405, `this path takes ${allow}`), allow }, false);
    }
    const read =
      route.body === undefined ? await readBody(request, this.#config.maxBodyBytes, held) : { body: route.body };
    if (read === undefined) return;
    if ('failure' in read) return writer.failure(read.failure, false);
    const options = this.#options(request, route, metadata, signal, writer.requestId);
    await answerCall(this.#sessions, route, read.body, options, writer);
  }

  #options(
    request: IncomingMessage,
    route: Route,
    metadata: CallMetadata,
    signal: AbortSignal,
    requestId: string,
  ): CallOptions & { readonly signal: AbortSignal } {
    const { deadlineMs, interceptors } = this.#config;
    return {
      signal,
      deadlineMs,
      interceptors,
      requestId,
      metadata: { ...traceOf(request), ...metadata },
      isIdempotent: route.method === 'GET' || route.operation === 'embeddings.create',
    };
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(new UsageError('createOpenAiServer: it was closed before it listened'));
    const failed = (error: Error) => {
      server.off('close', closed);
      reject(error);
    };
    server.once('error', failed).once('close', closed);
    server.listen(port, host, () => {
      // What fails later, such as one accept, is no reason for the process to end.
      server.on('error', () => {}).off('error', failed);
      server.off('close', closed);
      resolve();
    });
  });
}

/** Trace context of the request, where it has the form of one. */
function traceOf({ headers }: IncomingMessage): Record<string, string> {
  const trace: Record<string, string> = {};
  for (const name of TRACE_NAMES) {
    const value = headers[name];
    if (typeof value === 'string' && value.length <= MAX_TRACE_LENGTH) trace[name] = value;
  }
  return trace;
}
