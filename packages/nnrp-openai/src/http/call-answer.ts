import { DeadlineError } from 'nnrp-core';
import { type CallOptions, profileCall } from 'nnrp-runtime/calls';
import { isObject, member } from 'nnrp-runtime/transport';
import { ChunkDecoder } from '../chunks/chunk-decoder.js';
import type { JsonObject } from '../chunks/chunk-parts.js';
import { eventType, lastEvent } from '../responses/response-event.js';
import type { CallSessions, TakenSession } from '../sessions/call-sessions.js';
import type { AnswerWriter } from './answer-writer.js';
import { type HttpFailure, isRequestId, refusal } from './http-failure.js';
import type { ChunkName, Route } from './routes.js';

const MALFORMED: HttpFailure = {
  ...refusal(502, 'the server answered in another form than asked for', { type: 'server_error' }),
  isFutile: true,
};

type Call = ReturnType<typeof profileCall>;

/**
 * Makes the call that a request stands for, and writes its answer.
 * @throws (as a rejection) what the call fails with
 */
export async function answerCall(
  sessions: CallSessions,
  route: Route,
  body: JsonObject,
  options: CallOptions & { readonly signal: AbortSignal },
  writer: AnswerWriter,
): Promise<void> {
  const form = member(body, 'stream') === true ? route.stream : undefined;
  if (form !== undefined) writer.startHeartbeat();
  const { signal, deadlineMs = 0 } = options;
  const startMs = performance.now();
  const taken = await takeSession(sessions, signal, deadlineMs);
  try {
    // What is left of it.
    const leftMs = deadlineMs === 0 ? 0 : Math.max(1, Math.ceil(deadlineMs - (performance.now() - startMs)));
    const calling = profileCall(taken.session, route.operation, body, { ...options, deadlineMs: leftMs });
    if (form === undefined) await whole(calling, writer);
    else if (form === 'events') await events(calling, writer);
    else await chunks(calling, form, body, options, writer);
  } finally {
    taken.release();
  }
}

/** The client may go while one is opened, and its time may be over. */
async function takeSession(sessions: CallSessions, signal: AbortSignal, deadlineMs: number): Promise<TakenSession> {
  const taking = sessions.take();
  const late = new AbortController();
  const timer =
    deadlineMs > 0
      ? setTimeout(() => late.abort(new DeadlineError('there was no session in time', deadlineMs)), deadlineMs)
      : undefined;
  try {
    return await unlessGone(unlessGone(taking, signal), late.signal);
  } catch (error) {
    taking.then(
      ({ release }) => release(),
      () => {},
    );
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What a promise brings, or a rejection when the client has gone first: promises of the application may never settle. */
export function unlessGone<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(signal.reason);
    if (signal.aborted) gone();
    else signal.addEventListener('abort', gone, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', gone));
  });
}

async function whole(calling: Call, writer: AnswerWriter): Promise<void> {
  const { body, metadata } = await calling.result();
  if (!isObject(body)) return writer.failure(MALFORMED);
  noteRequestId(metadata, writer);
  return writer.json(200, body);
}

/** The model server's own takes the place of the gateway's, as long as the headers have not gone. */
function noteRequestId(metadata: unknown, writer: AnswerWriter): void {
  const id = isObject(metadata) ? member(metadata, 'x-request-id') : undefined;
  if (isRequestId(id)) writer.requestId = id;
}

/** Each partial result is an event as it is, and the last result that of the last one. */
async function events(calling: Call, writer: AnswerWriter): Promise<void> {
  let number = -1;
  const nextNumber = () => (number < 0 ? undefined : number + 1);
  writer.failureEvent = (error) => {
    return { name: 'error', data: JSON.stringify({ ...error, type: 'error', sequence_number: number + 1, error }) };
  };
  for await (const event of calling) {
    const type = isObject(event) ? eventType(event) : undefined;
    if (type === undefined || !isObject(event)) return writer.failure(MALFORMED);
    const { metadata, ...said } = event;
    noteRequestId(metadata, writer);
    if (typeof said['sequence_number'] === 'number') number = said['sequence_number'];
    await writer.event({ name: type, data: JSON.stringify(said) });
    if (writer.isOver) return;
  }
  const { body, metadata } = await calling.result();
  if (!isObject(body)) return writer.failure(MALFORMED);
  noteRequestId(metadata, writer);
  const last = lastEvent(body, nextNumber());
  return writer.endStream({ name: last.type, data: JSON.stringify(last) });
}

async function chunks(
  calling: Call,
  object: ChunkName,
  request: JsonObject,
  { requestId = '' }: CallOptions,
  writer: AnswerWriter,
): Promise<void> {
  const model = member(request, 'model');
  const created = Math.floor(Date.now() / 1000);
  const decoder = new ChunkDecoder({ object, id: requestId, created, model: typeof model === 'string' ? model : '' });
  const wantsUsage = isWanted(request);
  for await (const delta of calling) {
    const chunk = decoder.decode(delta);
    if (chunk === 'malformed') return writer.failure(MALFORMED);
    if (isObject(delta)) noteRequestId(member(delta, 'metadata'), writer);
    const shown = chunk === undefined || wantsUsage ? chunk : withoutUsage(chunk);
    if (shown !== undefined) await writer.event({ data: JSON.stringify(shown) });
    if (writer.isOver) return;
  }
  const { body, metadata } = await calling.result();
  if (!isObject(body)) return writer.failure(MALFORMED);
  noteRequestId(metadata, writer);
  for (const chunk of decoder.endings(body)) {
    const shown = wantsUsage ? chunk : withoutUsage(chunk);
    if (shown !== undefined) await writer.event({ data: JSON.stringify(shown) });
  }
  return writer.endStream({ data: '[DONE]' });
}

function isWanted(request: JsonObject): boolean {
  const options = member(request, 'stream_options');
  return isObject(options) && member(options, 'include_usage') === true;
}

/** Usage that the handler has asked for and the client has not: its chunk, and the null of it in all others. */
function withoutUsage(chunk: JsonObject): JsonObject | undefined {
  const usage = member(chunk, 'usage');
  if (usage === undefined) return chunk;
  const choices = member(chunk, 'choices');
  if (isObject(usage)) return Array.isArray(choices) && choices.length === 0 ? undefined : chunk;
  const { usage: _none, ...rest } = chunk;
  return rest;
}
