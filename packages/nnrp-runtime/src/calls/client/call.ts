import { PeerError, ProtocolError, shownPlain, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { CALL_SUBMIT } from '../../base/diagnostics/channels.js';
import type { CallSubmitMessage } from '../../base/diagnostics/messages.js';
import { OF_CALL, observer, type ToldSubmit } from '../../base/diagnostics/observer.js';
import { answering } from '../../base/promises/settled.js';
import { awaitHint } from '../../base/thenable.js';
import type { ClientOperation } from '../../client/results/client-operation.js';
import type { NnrpResult } from '../../client/results/nnrp-result.js';
import type { NnrpClientSession } from '../../client/session/client-session.js';
import type { SubmitOptions } from '../../client/submits/submit-options.js';
import {
  CALL_SCHEMA,
  type CallSchema,
  decodeAnswer,
  decodePartial,
  encodeRequest,
  PROFILE_SCHEMA,
} from '../wire/envelope.js';
import { givenMetadata } from '../wire/metadata.js';
import { type CallRoute, checkRoute } from '../wire/route.js';
import { type CallSteps, checkSteps } from '../wire/steps.js';
import { CallLimit } from './call-limit.js';
import { type CallOptions, callOptions } from './call-options.js';
import type { CallAnswer, CallRequest } from './call-request.js';
import { CallStream } from './call-stream.js';
import { sendsIn } from './session-end.js';

/** What a call needs of a session. */
export type CallingSession = Pick<NnrpClientSession, 'submit'> & Partial<Pick<NnrpClientSession, 'revision'>>;

let calls = 0;

/**
 * Calls a route and waits for its answer; partial results, if any come, are passed over.
 *
 * @param route - a name, or a number of 1 to 65535
 * @param body - what JSON can hold, bytes, or nothing
 * @throws (as a rejection) UsageError on a wrong argument or option; PeerError with the code of the handler, or
 * `unknown_route`; ProtocolError when the other end answers in another form; and what `NnrpClientSession.submit` and
 * `ClientOperation.result` reject with
 */
export function call<Body = unknown>(
  session: CallingSession,
  route: CallRoute,
  body?: unknown,
  options?: CallOptions,
): Promise<CallAnswer<Body>> {
  return answering(() => callStream<unknown, Body>(session, route, body, options).result());
}

/**
 * The same for a route that answers in parts.
 *
 * @throws UsageError on a wrong argument or option; the rest, as `call`, when it is read
 */
export function callStream<Partial = unknown, Body = unknown>(
  session: CallingSession,
  route: CallRoute,
  body?: unknown,
  options?: CallOptions,
): CallStream<Partial, CallAnswer<Body>> {
  return new CallStream(begun(session, CALL_SCHEMA, route, body, options) as CallSteps<Partial, CallAnswer<Body>>);
}

/**
 * Calls an operation of the profile `openai-compatible/1`, such as `embeddings.create`: partial results are objects with a
 * `type`, the answer is the body of `response.completed`. Of `chat.completions.create` see `chat`.
 *
 * @throws as `callStream`
 */
export function profileCall<Partial = unknown, Body = unknown>(
  session: CallingSession,
  operation: string,
  body?: unknown,
  options?: CallOptions,
): CallStream<Partial, CallAnswer<Body>> {
  return new CallStream(
    begun(session, PROFILE_SCHEMA, operation, body, options) as CallSteps<Partial, CallAnswer<Body>>,
  );
}

/** Everything is checked in the call, and nothing is sent. */
function begun(
  session: CallingSession,
  schema: CallSchema,
  route: CallRoute,
  body: unknown,
  options: CallOptions | undefined,
): CallSteps<unknown, CallAnswer> {
  if (typeof session?.submit !== 'function')
    throw new UsageError(`call: session takes an NnrpClientSession, got ${shownPlain(session)}${awaitHint(session)}`);
  checkRoute('call', route);
  const {
    metadata,
    interceptors = [],
    requestId,
    signal,
    deadlineMs,
    traceId,
    isIdempotent = false,
  } = callOptions(options);
  const request: CallRequest = {
    route,
    body,
    metadata: givenMetadata('call options', metadata),
    requestId: requestId ?? `call_${++calls}`,
    signal,
    deadlineMs,
    traceId,
    isIdempotent,
  };
  encodeRequest({ ...request, schema });
  const sent = (given: CallRequest) => submitted(session, schema, given);
  return interceptors.reduceRight<(given: CallRequest) => CallSteps<unknown, CallAnswer>>(
    (next, interceptor) => (given) =>
      checkSteps('call options: an interceptor', interceptor(given, sendsIn(next, session))),
    sent,
  )(request);
}

async function* submitted(
  session: CallingSession,
  schema: CallSchema,
  request: CallRequest,
): CallSteps<unknown, CallAnswer> {
  const told = toldCall(request);
  let limit: CallLimit | undefined;
  try {
    let operation: ClientOperation;
    try {
      limit = CallLimit.of(request);
      operation = await send(session, schema, request, told, limit);
      limit?.sent();
    } catch (error) {
      // An interceptor may have made a request that cannot be sent: observers of the call are told of its end.
      if (told !== undefined) observer?.uncalled(told, sessionIdOf(session), error);
      throw error;
    }
    for await (const result of operation) {
      if (!result.partial) return answerOf(schema, result);
      const partial = decodePartial(schema, result.body, result.part === undefined ? result.metadata : undefined);
      if (partial === undefined) throw malformed(result, 'a partial result');
      yield partial.value;
    }
    // The loop over an operation ends with its last result, or throws.
    throw new ProtocolError(`frame ${operation.frameId}: a call without an answer`, preview3.ErrorCode.MalformedBody);
  } catch (error) {
    throw limit === undefined ? error : limit.failure(error);
  } finally {
    limit?.end();
  }
}

function send(
  session: CallingSession,
  schema: CallSchema,
  request: CallRequest,
  told: CallSubmitMessage | undefined,
  limit: CallLimit | undefined,
) {
  const { route, signal, deadlineMs, traceId } = request;
  const metadata = givenMetadata('call', told?.metadata ?? request.metadata);
  const { body, payloadKindBitmap, payloadFrameCount } = encodeRequest(
    { ...request, metadata, schema },
    session.revision,
  );
  const options: SubmitOptions & ToldSubmit = {
    [OF_CALL]: told,
    metadata: { payloadKindBitmap, payloadFrameCount },
    signal: limit?.signal ?? signal,
    deadlineMs,
    traceId,
    routeId: typeof route === 'number' ? route : undefined,
  };
  return session.submit(body, options);
}

function sessionIdOf(session: CallingSession & { readonly sessionId?: number }): number {
  return session.sessionId ?? 0;
}

/** Tells the channel of the call; a subscriber may add a trace context to its metadata. */
function toldCall({ route, requestId, metadata }: CallRequest): CallSubmitMessage | undefined {
  if (!CALL_SUBMIT.hasSubscribers) return undefined;
  const told = { route, requestId, metadata: { ...givenMetadata('call', metadata) } };
  CALL_SUBMIT.publish(told);
  return told;
}

function answerOf(schema: CallSchema, result: NnrpResult): CallAnswer {
  if (!result.isSuccess) {
    const { statusCode } = result.metadata;
    throw new PeerError('NNRP_ERR_PEER', `frame ${result.frameId}: the call was answered with status ${statusCode}`, 0);
  }
  const answer = decodeAnswer(schema, result.body, result.metadata);
  if (answer === undefined) throw malformed(result, 'the answer');
  return answer;
}

function malformed({ frameId, body }: NnrpResult, what: string): ProtocolError {
  const text = `frame ${frameId}: expected ${what} of a call as JSON with its type, got ${body.length} bytes of another form`;
  return new ProtocolError(text, preview3.ErrorCode.MalformedBody);
}
