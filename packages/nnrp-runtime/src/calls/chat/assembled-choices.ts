import type { ChatChoice, ToolCallDelta } from './chat-shapes.js';

/** Characters of one answer, over all its choices: what is assembled is kept until the end. */
const MAX_ANSWER_CHARACTERS = 16 * 1024 * 1024;
const MAX_INDEX = 1024;

interface Assembled {
  text: string[];
  hasText: boolean;
  readonly tools: { id: string; type: string; name: string; arguments: string[] }[];
  finishReason: string | undefined;
}

/**
 * Puts the deltas of a chat together to its choices, for handlers that yield deltas of their own. At most 16,777,216 characters, over
 * all choices, and 1024 choices with 1024 tool calls each: what is beyond is not added, and false is returned.
 */
export class AssembledChoices {
  readonly #choices: Assembled[] = [];
  #characters = 0;

  /** Whether there is room for this piece of text. */
  addText(index: number, text: string): boolean {
    const choice = this.#choice(index);
    if (choice === undefined || !this.#hasRoom(text)) return false;
    choice.hasText = true;
    choice.text.push(text);
    return true;
  }

  /** Whether there is room for these pieces of tool calls. */
  addToolCalls(index: number, pieces: readonly ToolCallDelta[]): boolean {
    const choice = this.#choice(index);
    return choice !== undefined && pieces.every((piece) => this.#addToolCall(choice, piece));
  }

  #addToolCall(choice: Assembled, piece: ToolCallDelta): boolean {
    if (piece.index < 0 || piece.index > MAX_INDEX) return false;
    while (choice.tools.length <= piece.index) choice.tools.push({ id: '', type: 'function', name: '', arguments: [] });
    const tool = choice.tools[piece.index] as Assembled['tools'][number];
    const { id, type, function: called } = piece;
    const { name = '', arguments: text = '' } = called ?? {};
    if (!this.#hasRoom(name) || !this.#hasRoom(text)) return false;
    if (id) tool.id = id;
    if (type) tool.type = type;
    tool.name += name;
    tool.arguments.push(text);
    return true;
  }

  /** Why the choice ended. */
  finish(index: number, reason: string): void {
    const choice = this.#choice(index);
    if (choice !== undefined) choice.finishReason = reason;
  }

  /**
   * The choices so far.
   * @param finishReason - of those that have none of their own; default `tool_calls` for those with tool calls, else `stop`
   */
  choices(finishReason?: string): ChatChoice[] {
    return this.#choices.map(({ text, hasText, tools, finishReason: own }, index) => ({
      index,
      message: {
        role: 'assistant',
        content: hasText || tools.length === 0 ? text.join('') : null,
        ...(tools.length > 0 && {
          tool_calls: tools.map(({ id, type, name, arguments: pieces }) => ({
            id,
            type,
            function: { name, arguments: pieces.join('') },
          })),
        }),
      },
      finish_reason: own ?? finishReason ?? (tools.length > 0 ? 'tool_calls' : 'stop'),
    }));
  }

  #hasRoom(text: string): boolean {
    this.#characters += text.length;
    return this.#characters <= MAX_ANSWER_CHARACTERS;
  }

  #choice(index: number): Assembled | undefined {
    if (!(index >= 0 && index <= MAX_INDEX)) return undefined;
    while (this.#choices.length <= index)
      this.#choices.push({ text: [], hasText: false, tools: [], finishReason: undefined });
    return this.#choices[index];
  }
}
