/*
 * The parts of OpenAI's chat completions that the helpers look at. Whatever else a request or an answer has, goes through as it
 * is: hence the index signatures.
 */

/** One message of a conversation. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [name: string]: unknown;
}

/** The body of `chat.completions.create`. */
export interface ChatRequest {
  readonly model?: string | undefined;
  readonly messages: readonly ChatMessage[];
  readonly stream?: boolean | undefined;
  readonly [name: string]: unknown;
}

/** A piece of a tool call: pieces with the same `index` add up. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

export interface ToolCall {
  readonly id: string;
  readonly type: string;
  readonly function: { readonly name: string; readonly arguments: string };
}

/** Tokens that were counted. */
export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens?: number;
  readonly total_tokens: number;
  readonly [name: string]: unknown;
}

/** A piece of text of the choice `index`. */
export interface TextDelta {
  readonly type: 'response.output_text.delta';
  readonly index: number;
  readonly delta: string;
  readonly [name: string]: unknown;
}

/** Pieces of tool calls of the choice `index`. */
export interface ToolCallsDelta {
  readonly type: 'response.tool_calls.delta';
  readonly index: number;
  readonly tool_calls: readonly ToolCallDelta[];
  readonly [name: string]: unknown;
}

/** What was used. */
export interface UsageDelta {
  readonly type: 'response.usage';
  readonly usage: ChatUsage;
  readonly [name: string]: unknown;
}

/** Anything else, such as a chunk as the model server has sent it: `response.chunk`. */
export interface OtherDelta {
  readonly type: `response.${string}`;
  readonly [name: string]: unknown;
}

/** A partial result of a chat. */
export type ChatDelta = TextDelta | ToolCallsDelta | UsageDelta | OtherDelta;

export interface ChatChoice {
  readonly index: number;
  readonly message: {
    readonly role: string;
    readonly content?: string | null;
    readonly tool_calls?: readonly ToolCall[];
    readonly [name: string]: unknown;
  };
  readonly finish_reason?: string | null;
  readonly [name: string]: unknown;
}

/** The body of the answer: a `chat.completion`. */
export interface ChatCompletion {
  readonly id: string;
  readonly object: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly ChatChoice[];
  readonly usage?: ChatUsage | null;
  readonly [name: string]: unknown;
}
