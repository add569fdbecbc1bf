import { ignoreRejectionsWithin, ProtocolError, UsageError } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';
import { type CallingSession, profileCall } from '../client/call.js';
import type { CallOptions } from '../client/call-options.js';
import type { CallAnswer } from '../client/call-request.js';
import { CallStream } from '../client/call-stream.js';
import { unheard } from '../client/unheard.js';
import type { CallMetadata } from '../wire/metadata.js';
import type { CallSteps } from '../wire/steps.js';
import type { ChatCompletion, ChatDelta, ChatRequest, ChatUsage, ToolCall } from './chat-shapes.js';
import { messageText } from './chat-text.js';
import { completionFault, deltaFault, isCompletion, isDelta, requestFault } from './check-chat.js';

/** The name of the operation. */
export const CHAT = 'chat.completions.create';

/** The answer to a chat. */
export interface ChatAnswer {
  /** As the server has sent it. */
  readonly completion: ChatCompletion;
  /** The text of the first choice; empty where it has none. */
  readonly text: string;
  /** The tool calls of the first choice. */
  readonly toolCalls: readonly ToolCall[];
  /** undefined where the server does not count. */
  readonly usage: ChatUsage | undefined;
  /** Why the first choice ended, such as `stop`, `length` or `tool_calls`. */
  readonly finishReason: string | undefined;
  /** What the server has put beside it. */
  readonly metadata: CallMetadata;
}

/** A chat: iterate it for its deltas, or `text()` for the text alone, then ask for `result()`; or ask for that alone. */
export class ChatStream extends CallStream<ChatDelta, ChatAnswer> {
  /** The text of the first choice, piece by piece, in place of the loop over the deltas. @throws as that does */
  text(): AsyncGenerator<string, void, void> {
    return unheard(this.#text());
  }

  async *#text(): AsyncGenerator<string, void, void> {
    for await (const delta of this) {
      if (delta.type === 'response.output_text.delta' && delta['index'] === 0 && delta['delta'] !== '')
        yield delta['delta'] as string;
    }
  }
}

/**
 * Asks a model, by the operation `chat.completions.create` of the profile `openai-compatible/1`.
 *
 * ```js
 * const answering = chat(session, { model: 'm', messages: [{ role: 'user', content: 'hello' }] });
 * for await (const text of answering.text()) process.stdout.write(text);
 * const { usage, toolCalls } = await answering.result();
 * ```
 *
 * @param request - a body of OpenAI's chat completions; it is streamed unless it says `stream: false`
 * @throws UsageError when the request does not have that form, and as `callStream`; ProtocolError, when it is read, for deltas
 * and answers that have not
 */
export function chat(session: CallingSession, request: ChatRequest, options?: CallOptions): ChatStream {
  const fault = requestFault(request);
  if (fault !== undefined) {
    ignoreRejectionsWithin(request);
    throw new UsageError(`chat: ${fault.message}`);
  }
  const { stream = true, ...rest } = request;
  return new ChatStream(checked(profileCall(session, CHAT, { ...rest, stream }, options)));
}

async function* checked(stream: CallStream<unknown, CallAnswer>): CallSteps<ChatDelta, ChatAnswer> {
  for await (const value of stream) {
    if (!isDelta(value)) throw malformed(deltaFault(value)?.message);
    yield value;
  }
  const { body, metadata } = await stream.result();
  if (!isCompletion(body)) throw malformed(completionFault(body)?.message);
  // As `text()` has it, wherever in the list the server has put it.
  const first = body.choices.find(({ index }) => index === 0) ?? body.choices[0];
  return {
    completion: body,
    text: messageText(first?.message.content),
    toolCalls: first?.message.tool_calls ?? [],
    usage: body.usage ?? undefined,
    finishReason: first?.finish_reason ?? undefined,
    metadata,
  };
}

function malformed(text = 'it has another form'): ProtocolError {
  return new ProtocolError(`chat: the server's ${text}`, ErrorCode.MalformedBody);
}
