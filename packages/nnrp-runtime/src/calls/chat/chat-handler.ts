import { shownPlain, UsageError } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';
import { isObject, member } from '../../base/json.js';
import { HandlerError } from '../../server/failures/handler-error.js';
import type { CallHandler, IncomingCall } from '../server/incoming-call.js';
import { type CallSteps, checkSteps } from '../wire/steps.js';
import { AssembledChoices } from './assembled-choices.js';
import type { ChatCompletion, ChatDelta, ChatRequest, ChatUsage, TextDelta, ToolCallsDelta } from './chat-shapes.js';
import { messageText } from './chat-text.js';
import { completionFault, deltaFault, requestFault } from './check-chat.js';

/** What a chat handler may return: how it ended and what it used, or a whole `chat.completion`. */
export type ChatOutcome =
  | { readonly finishReason?: string | undefined; readonly usage?: ChatUsage | undefined }
  | ChatCompletion
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: what a generator without a result returns is void
  | void;

/** Answers a chat: yields text of the first choice, or deltas, and returns how it ended. */
export type ChatSource = (
  request: ChatRequest,
  call: IncomingCall<ChatRequest>,
) => AsyncIterator<string | ChatDelta, ChatOutcome, void>;

/**
 * The handler of chats for a router: `router.route('chat.completions.create', chatHandler(answer))`. The request has been
 * checked, else it is refused with the code `invalid_request`. The answer is put together from what `answer` yields; a client
 * that has asked for no stream gets that alone.
 *
 * ```js
 * chatHandler(async function* (request, { signal }) {
 *   for await (const token of model.generate(request.messages, signal)) yield token;
 *   return { usage: model.usage };
 * });
 * ```
 */
export function chatHandler(answer: ChatSource): CallHandler {
  if (typeof answer !== 'function') throw new UsageError('chatHandler takes a function');
  return (call) => answered(answer, call as IncomingCall<ChatRequest>);
}

const KNOWN = ['finishReason', 'usage', 'choices'];
const RETURNS = 'what it yields is the text; it returns { finishReason, usage }, a chat.completion or nothing';
const TOO_LARGE = 'the answer has more than 16777216 characters, or an index above 1024';

async function* answered(answer: ChatSource, call: IncomingCall<ChatRequest>): CallSteps<ChatDelta, ChatCompletion> {
  const request = call.body;
  const fault = requestFault(request);
  if (fault !== undefined) throw invalid(fault.param, fault.message);
  const isStreamed = request.stream === true;
  const choices = new AssembledChoices();
  const source = checkSteps('chatHandler', answer(request, call));
  let isOver = false;
  try {
    for (;;) {
      const step = await source.next();
      if (step.done) {
        isOver = true;
        const whole = wholeOf(step.value);
        if (whole === undefined) return completion(step.value, choices, call);
        const deltas = [...deltasOf(whole)].map(deltaOf);
        const assembled = new AssembledChoices();
        if (!deltas.every((delta) => add(assembled, delta))) throw new HandlerError('answer_too_large', TOO_LARGE);
        // A client that reads pieces gets those of an answer that came in one.
        if (isStreamed && choices.isSilent) yield* deltas;
        return whole;
      }
      const delta = deltaOf(step.value);
      if (!add(choices, delta)) throw new HandlerError('answer_too_large', TOO_LARGE);
      if (isStreamed) yield delta;
    }
  } finally {
    if (!isOver) await source.return?.();
  }
}

function* deltasOf({ choices }: ChatCompletion): Generator<ChatDelta, void, void> {
  for (const [place, { index: given, message }] of choices.entries()) {
    // Answers with one choice often leave it out.
    const index = given ?? place;
    const { content, tool_calls = [] } = message;
    const text = messageText(content);
    if (text !== '') yield { type: 'response.output_text.delta', index, delta: text };
    if (tool_calls !== null && tool_calls.length > 0) {
      const indexed = tool_calls.map((called, at) => {
        const { index: own } = called as { readonly index?: number };
        return { ...called, index: own ?? at };
      });
      yield { type: 'response.tool_calls.delta', index, tool_calls: indexed };
    }
  }
}

function deltaOf(value: string | ChatDelta): ChatDelta {
  if (typeof value === 'string') return { type: 'response.output_text.delta', index: 0, delta: value };
  const fault = deltaFault(value);
  if (fault !== undefined) throw new UsageError(`chatHandler: ${fault.message}`);
  return value;
}

function add(choices: AssembledChoices, delta: ChatDelta): boolean {
  if (isText(delta)) return choices.addText(delta.index, delta.delta);
  return !isTools(delta) || choices.addToolCalls(delta.index, delta.tool_calls);
}

function isText(delta: ChatDelta): delta is TextDelta {
  return delta.type === 'response.output_text.delta';
}

function isTools(delta: ChatDelta): delta is ToolCallsDelta {
  return delta.type === 'response.tool_calls.delta';
}

/**
 * The answer of the handler itself; undefined where it is to be put together.
 * @throws UsageError on what no client could read: choices that are none, a text that was returned in the place of yielded
 */
function wholeOf(outcome: unknown): ChatCompletion | undefined {
  if (!isOutcome(outcome)) {
    // What a model has written is not for logs.
    const got = isObject(outcome) ? 'another object' : Array.isArray(outcome) ? 'a list' : shownPlain(outcome);
    throw new UsageError(`chatHandler: ${RETURNS}, got ${got}`);
  }
  if (!isObject(outcome) || member(outcome, 'choices') === undefined) return undefined;
  const fault = completionFault(outcome);
  if (fault !== undefined) throw new UsageError(`chatHandler: ${fault.message}`);
  return outcome as ChatCompletion;
}

/** With members of its own, as the answer of another chat has, if one at least is known. */
function isOutcome(outcome: unknown): boolean {
  if (outcome === undefined || outcome === null) return true;
  if (!isObject(outcome)) return false;
  return Object.keys(outcome).length === 0 || KNOWN.some((name) => name in outcome);
}

function completion(outcome: ChatOutcome, choices: AssembledChoices, call: IncomingCall<ChatRequest>): ChatCompletion {
  const { finishReason, usage } = (outcome ?? {}) as { readonly finishReason?: string; readonly usage?: ChatUsage };
  // A client that reads the first choice finds one, also of a handler that has yielded nothing.
  if (choices.choices().length === 0) choices.addText(0, '');
  return {
    id: `chatcmpl-${call.requestId === '' ? call.operation.frameId : call.requestId}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: call.body.model ?? '',
    choices: choices.choices(finishReason),
    ...(usage !== undefined && { usage }),
  };
}

/** In the form of OpenAI's errors, which a gateway passes on as they are. */
function invalid(param: string, message: string): HandlerError {
  return new HandlerError('invalid_request', message, {
    wireCode: ErrorCode.MalformedBody,
    retryable: false,
    details: { status: 400, error: { message, type: 'invalid_request_error', param, code: null } },
  });
}
