import { shownPlain, UsageError } from 'nnrp-core';
import { HandlerError, type OperationContext, preview3, type SubmitOutcome } from 'nnrp-runtime';
import {
  type CallMetadata,
  type CallRouter,
  CHAT,
  createRouter,
  type IncomingCall,
  type RouterOptions,
} from 'nnrp-runtime/calls';
import { isObject, member, parsedJson } from 'nnrp-runtime/transport';
import type { JsonObject } from '../chunks/chunk-parts.js';
import { LAST_EVENTS } from '../responses/response-event.js';
import type { SentEvent } from '../sse/event-reader.js';
import {
  handlerOptions,
  isHeaderText,
  type OpenAiHandlerOptions,
  type UpstreamConfig,
} from '../upstream/handler-options.js';
import { type ResponseHeaders, requestIdOf } from '../upstream/response-advice.js';
import { Upstream } from '../upstream/upstream.js';
import { formFailure, withRequestId } from '../upstream/upstream-failure.js';
import { ChunkForm } from './chunk-form.js';
import { ResponseForm } from './response-form.js';
import type { StreamForm } from './stream-form.js';

const REQUEST_ID = 'x-request-id';
const MAX_HEADER_LENGTH = 512;
const MAX_NAME_LENGTH = 1024;
const NO_MODEL = /^\.{1,2}$|\p{Surrogate}/u;

/**
 * Serves the profile `openai-compatible/1` by a model server that speaks OpenAI's HTTP, such as vLLM, llama.cpp, Ollama, TGI or
 * LiteLLM: `server.serve(openAiHandler({ baseUrl }))`. Operations are `chat.completions.create`, `completions.create` and
 * `responses.create`, streamed or not, `embeddings.create`, `models.list` and `models.retrieve`.
 *
 * @param router - of the application itself, to which they are added; default one of its own
 * @throws UsageError on a wrong option
 */
export function openAiHandler(options: OpenAiHandlerOptions, router: CallRouter | RouterOptions = {}): OpenAiHandler {
  return new OpenAiHandler(options, router);
}

/** What `serve` takes. */
export class OpenAiHandler {
  readonly #upstream: Upstream;
  readonly #config: UpstreamConfig;
  /** The handler of submits. */
  readonly submit: (operation: OperationContext) => SubmitOutcome;

  /** As `openAiHandler`. */
  constructor(options: OpenAiHandlerOptions, given: CallRouter | RouterOptions = {}) {
    this.#config = handlerOptions(options);
    if (typeof given !== 'object' || given === null)
      throw new UsageError(`openAiHandler: router takes a CallRouter, or options of one, got ${shownPlain(given)}`);
    const router = 'submit' in given ? given : createRouter(given);
    this.submit = router.submit;
    router
      .route(CHAT, (call) => this.#complete(call, '/chat/completions', true))
      .route('completions.create', (call) => this.#complete(call, '/completions', false))
      .route('responses.create', (call) => this.#respond(call, '/responses'))
      .route('embeddings.create', (call) => this.#ask(call, '/embeddings', this.#bodyOf(call)))
      .route('models.list', (call) => this.#ask(call, '/models'))
      .route('models.retrieve', (call) => this.#ask(call, `/models/${pathSegment(modelOf(call))}`));
    this.#upstream = new Upstream(this.#config);
  }

  /** Requests that are with the model server, or wait for a connection to it. */
  get requestCount(): number {
    return this.#upstream.requestCount;
  }

  /**
   * Sends requests from now on with this key and these headers, in the place of those before; those that are under way go on.
   * @throws UsageError on what does not fit
   */
  renew({ apiKey, headers }: Pick<OpenAiHandlerOptions, 'apiKey' | 'headers'>): void {
    this.#upstream.renew(handlerOptions({ baseUrl: this.#config.baseUrl.href, apiKey, headers }));
  }

  /** Ends the connections to the model server, and what is under way on them. Close the NNRP server first. */
  destroy(): Promise<void> {
    return this.#upstream.destroy();
  }

  #complete(call: IncomingCall, path: string, isChat: boolean): unknown {
    const body = this.#bodyOf(call);
    if (member(body, 'stream') !== true) return this.#ask(call, path, body);
    return this.#stream(call, path, this.#withUsage(body), new ChunkForm(isChat));
  }

  #respond(call: IncomingCall, path: string): unknown {
    const body = this.#bodyOf(call);
    if (member(body, 'stream') !== true) return this.#ask(call, path, body);
    return this.#stream(call, path, body, new ResponseForm(), LAST_EVENTS);
  }

  async *#stream(
    call: IncomingCall,
    path: string,
    body: JsonObject,
    form: StreamForm,
    lastEvents?: ReadonlySet<string>,
  ): AsyncGenerator<unknown, unknown, void> {
    const { signal } = call;
    let metadata: CallMetadata | undefined;
    const begun = (headers: ResponseHeaders) => {
      metadata = this.#noteRequestId(call, headers);
    };
    const events = this.#upstream.events({ path, body, headers: headersOf(call), signal, begun, lastEvents });
    let isOver = false;
    try {
      for (;;) {
        const step = await events.next();
        if (step.done === true) {
          isOver = true;
          return form.answer(step.value);
        }
        const partial = form.partial(this.#eventOf(step.value));
        if (partial === undefined) return form.answer(true);
        yield metadata === undefined ? partial : { ...partial, metadata };
        metadata = undefined;
      }
    } catch (error) {
      isOver = true;
      await events.return(false);
      signal.throwIfAborted();
      throw withRequestId(error, notedId(call));
    } finally {
      if (!isOver) await events.return(false);
    }
  }

  #eventOf({ data, name }: SentEvent): JsonObject {
    const event = parsedJson(data);
    if (name === 'error') throw this.#upstream.eventFailure(event ?? data);
    if (!isObject(event)) throw formFailure('an event that is no JSON object, nests too deeply or has too many parts');
    const error = member(event, 'error') ?? undefined;
    // Some servers send an error as they answer with it, or without a name of its event.
    const isError = error !== undefined || member(event, 'object') === 'error' || member(event, 'type') === 'error';
    if (isError) throw this.#upstream.eventFailure(event);
    return event;
  }

  async #ask(call: IncomingCall, path: string, body?: JsonObject): Promise<unknown> {
    const { signal } = call;
    const begun = (headers: ResponseHeaders) => void this.#noteRequestId(call, headers);
    try {
      const value = await this.#upstream.json({ path, body, headers: headersOf(call), signal, begun });
      if (!isObject(value)) throw formFailure('JSON that is no object');
      return value;
    } catch (error) {
      signal.throwIfAborted();
      throw withRequestId(error, notedId(call));
    }
  }

  /** It goes with the answer, and with the first partial result of a stream: HTTP has it before the first event. */
  #noteRequestId({ answerMetadata }: IncomingCall, headers: ResponseHeaders): CallMetadata | undefined {
    const id = requestIdOf(headers);
    if (id === undefined) return undefined;
    answerMetadata.set(REQUEST_ID, id);
    return { [REQUEST_ID]: id };
  }

  #bodyOf({ body }: IncomingCall): JsonObject {
    if (!isObject(body)) throw invalid('body', 'the body of the request takes an object');
    const { model } = this.#config;
    if (model !== undefined) return { ...body, model };
    if (typeof member(body, 'model') !== 'string') throw invalid('model', 'model takes a text');
    return body;
  }

  #withUsage(body: JsonObject): JsonObject {
    const given = member(body, 'stream_options');
    if (!this.#config.includeUsage || (given !== undefined && given !== null && !isObject(given))) return body;
    return { ...body, stream_options: { include_usage: true, ...(given ?? {}) } };
  }
}

function notedId({ answerMetadata }: IncomingCall): string | undefined {
  return answerMetadata.get(REQUEST_ID);
}

function modelOf({ body }: IncomingCall): string {
  const model = isObject(body) ? member(body, 'model') : undefined;
  // Two dots would be another path, however they are written; half a surrogate pair cannot be written.
  const fits = typeof model === 'string' && model !== '' && model.length <= MAX_NAME_LENGTH && !NO_MODEL.test(model);
  if (!fits) throw invalid('model', `model takes a text of at most ${MAX_NAME_LENGTH} characters`);
  return model;
}

/** A name within a path, with as much as it is as a path may have: so does the official client, and some servers compare it so. */
function pathSegment(name: string): string {
  return encodeURIComponent(name).replace(/%(?:24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent);
}

/** Trace context goes on to the model server. It has come from a client, so it is looked at. */
function headersOf({ metadata }: IncomingCall): Record<string, string> {
  const { traceparent, tracestate } = metadata;
  const headers: Record<string, string> = {};
  if (traceparent === undefined || !/^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/.test(traceparent)) return headers;
  headers['traceparent'] = traceparent;
  if (tracestate !== undefined && tracestate.length <= MAX_HEADER_LENGTH && isHeaderText(tracestate))
    headers['tracestate'] = tracestate;
  return headers;
}

function invalid(param: string, message: string): HandlerError {
  return new HandlerError('invalid_request', message, {
    wireCode: preview3.ErrorCode.MalformedBody,
    retryable: false,
    details: { status: 400, error: { message, type: 'invalid_request_error', param, code: null } },
  });
}
