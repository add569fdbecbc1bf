import { printable, shownWord, UsageError } from 'nnrp-core';
import { ErrorCode, PayloadKindFlags, ResultClass, ResultFlags, StatusCode } from 'nnrp-core/preview3';
import type { OperationContext } from '../../server/contract/contract.js';
import { type ResultInit, type ResultValue, resultMetadata } from '../../server/contract/server-messages.js';
import { HandlerError } from '../../server/failures/handler-error.js';
import type { Operation } from '../../server/operation/operation.js';
import type { SubmitOutcome } from '../../server/serve/serve-handlers.js';
import { type EncodedEnvelope, encodeAnswer, encodePartial } from '../wire/envelope.js';
import { givenMetadata } from '../wire/metadata.js';
import { type CallRoute, checkRoute } from '../wire/route.js';
import { type CallSteps, checkSteps } from '../wire/steps.js';
import { type CallHandler, IncomingCall, type ServerInterceptor } from './incoming-call.js';
import { readCall } from './read-call.js';
import { type RouterOptions, routerOptions } from './router-options.js';

/**
 * Gives each call to the handler of its route. It is what `serve` takes: `server.serve(router)`, or beside other handlers
 * `server.serve({ submit: router.submit, session })`.
 *
 * @throws UsageError on a wrong option
 */
export function createRouter(options?: RouterOptions): CallRouter {
  return new CallRouter(options);
}

export class CallRouter {
  readonly #routes = new Map<CallRoute, CallHandler>();
  readonly #interceptors: readonly ServerInterceptor[];
  readonly #otherwise: RouterOptions['otherwise'];

  /** As `createRouter`. */
  constructor(options?: RouterOptions) {
    const { interceptors = [], otherwise } = routerOptions(options);
    this.#interceptors = [...interceptors];
    this.#otherwise = otherwise;
  }

  /**
   * Adds a route.
   *
   * @param route - a name, or a number of 1 to 65535, which clients send in the header
   * @throws UsageError when it is there already, or something is of another kind
   */
  route<Body = unknown>(route: CallRoute, handler: CallHandler<Body>): this {
    checkRoute('router', route);
    if (typeof handler !== 'function') throw new UsageError(`router: route ${route} takes a function as its handler`);
    if (this.#routes.has(route)) throw new UsageError(`router: there is a route ${shownWord(route)} already`);
    this.#routes.set(route, handler as CallHandler);
    return this;
  }

  /** The handler of submits. */
  readonly submit = (operation: OperationContext): SubmitOutcome => {
    const { request, partBytes } = readCall(operation);
    if (request === undefined) {
      if (this.#otherwise !== undefined) return this.#otherwise(operation);
      const text =
        "the submit is no call: expected a structured event with the schema_version 'nnrp-call/1' or 'openai-compatible/1', nested at most 128 deep, of at most a million objects, lists and members";
      throw refusal('not_a_call', text);
    }
    if (typeof request === 'string') throw refusal('malformed_call', `the call is malformed: ${request}`);
    const handler = this.#routes.get(request.route);
    if (handler === undefined) throw refusal('unknown_route', `there is no route ${shown(request.route)} here`);
    // For as long as the handler works on it. What a test hands in has no such method.
    const counting: OperationContext & Partial<Pick<Operation, 'holdsMore'>> = operation;
    counting.holdsMore?.(partBytes);
    return results(new IncomingCall(operation, request), this.#around(handler));
  };

  #around(handler: CallHandler): (call: IncomingCall) => CallSteps {
    return this.#interceptors.reduceRight<(call: IncomingCall) => CallSteps>(
      (next, interceptor) => (call) => checkSteps('router: an interceptor', interceptor(call, next)),
      (call) => handled(handler, call),
    );
  }
}

/** What the runtime sends: partial results, and the last one. */
async function* results(
  call: IncomingCall,
  begin: (call: IncomingCall) => CallSteps,
): AsyncGenerator<ResultValue, ResultValue, void> {
  const { schema, operation } = call;
  const { revision } = operation.session;
  const steps = begin(call);
  let isOver = false;
  try {
    for (;;) {
      const step = await steps.next();
      if (step.done) {
        isOver = true;
        const metadata = givenMetadata('answerMetadata', Object.fromEntries(call.answerMetadata));
        return answerOf(encodeAnswer(schema, call.requestId, { metadata, body: step.value }, revision));
      }
      yield partialOf(encodePartial(schema, step.value, revision));
    }
  } finally {
    // It may have failed by itself, which makes this nothing; or what it gave could not be encoded, or is not wanted any more.
    if (!isOver) await steps.return?.(undefined);
  }
}

/** A generator is one of partial results. A list, or anything else that can be iterated, is the body of an answer. */
async function* handled(handler: CallHandler, call: IncomingCall): CallSteps {
  const outcome = handler(call);
  if (isGenerator(outcome)) return yield* outcome;
  return await outcome;
}

function isGenerator(value: unknown): value is CallSteps {
  if (typeof value !== 'object' || value === null) return false;
  if (typeof (value as AsyncIterable<unknown>)[Symbol.asyncIterator] === 'function') return true;
  return typeof (value as Partial<CallSteps>).next === 'function' && Symbol.iterator in value;
}

const PARTIAL = { resultClass: ResultClass.Partial, resultFlags: ResultFlags.Partial };
/** Complete, so that they are encoded once: nearly every partial result, and nearly every answer, has the same. */
const RAW_PARTIAL = resultMetadata(
  metadataOf({ payloadKindBitmap: PayloadKindFlags.StructuredEvent, payloadFrameCount: 0 }, PARTIAL),
);
const JSON_ANSWER = resultMetadata(
  metadataOf({ payloadKindBitmap: PayloadKindFlags.StructuredEvent, payloadFrameCount: 1 }, {}),
);

function partialOf(encoded: EncodedEnvelope): ResultValue {
  const { body } = encoded;
  return { body, metadata: encoded.payloadFrameCount === 0 ? RAW_PARTIAL : metadataOf(encoded, PARTIAL) };
}

function answerOf(encoded: EncodedEnvelope): ResultValue {
  const { body } = encoded;
  return { body, metadata: encoded.payloadFrameCount === 1 ? JSON_ANSWER : metadataOf(encoded, {}) };
}

function metadataOf(
  { payloadKindBitmap, payloadFrameCount }: Omit<EncodedEnvelope, 'body'>,
  init: ResultInit,
): ResultInit {
  return { ...init, statusCode: StatusCode.Ok, activeProfileId: 0, payloadKindBitmap, payloadFrameCount };
}

function refusal(code: string, text: string): HandlerError {
  return new HandlerError(code, text, { wireCode: ErrorCode.UnsupportedCapability, retryable: false });
}

function shown(route: CallRoute): string {
  return typeof route === 'number' ? `${route}` : `'${printable(route)}'`;
}
