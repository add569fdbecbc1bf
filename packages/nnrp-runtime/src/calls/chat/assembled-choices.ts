import type { ChatChoice, ToolCallDelta } from './chat-shapes.js';

/** Characters of one answer, over all its choices: what is assembled is kept until the end. */
const MAX_ANSWER_CHARACTERS = 16 * 1024 * 1024;
const MAX_INDEX = 1024;
/** A choice and a tool call count as so many characters: a piece with the highest index makes all those before it. */
const EACH = 256;
const JOINED = 1024;

/** Text in pieces, of which a model makes millions of one character. */
class Pieces {
  readonly #joined: string[] = [];
  #recent: string[] = [];

  add(text: string): void {
    if (text === '' || this.#recent.push(text) < JOINED) return;
    this.#joined.push(this.#recent.join(''));
    this.#recent = [];
  }

  get isEmpty(): boolean {
    return this.#joined.length === 0 && this.#recent.length === 0;
  }

  text(): string {
    return [...this.#joined, ...this.#recent].join('');
  }
}

interface Assembled {
  readonly text: Pieces;
  hasText: boolean;
  readonly tools: { id: string; type: string; name: string; arguments: Pieces }[];
  finishReason: string | undefined;
}

/**
 * Puts the deltas of a chat together to its choices, for handlers that yield deltas of their own. At most 16,777,216 characters, over
 * all choices, where each choice and each tool call counts as 256, and indexes up to 1024: what is beyond is not added, and false is
 * returned.
 */
export class AssembledChoices {
  readonly #choices: Assembled[] = [];
  #characters = 0;

  /** Whether there is room for this piece of text. */
  addText(index: number, text: string): boolean {
    const choice = this.#choice(index);
    if (choice === undefined || !this.#hasRoom(text.length)) return false;
    choice.hasText = true;
    choice.text.add(text);
    return true;
  }

  /** Whether there is room for these pieces of tool calls. */
  addToolCalls(index: number, pieces: readonly ToolCallDelta[]): boolean {
    const choice = this.#choice(index);
    return choice !== undefined && pieces.every((piece) => this.#addToolCall(choice, piece));
  }

  #addToolCall(choice: Assembled, piece: ToolCallDelta): boolean {
    if (piece.index < 0 || piece.index > MAX_INDEX) return false;
    while (choice.tools.length <= piece.index) {
      if (!this.#hasRoom(EACH)) return false;
      choice.tools.push({ id: '', type: 'function', name: '', arguments: new Pieces() });
    }
    const tool = choice.tools[piece.index] as Assembled['tools'][number];
    const { id, type, function: called } = piece;
    // Servers write null for what a piece does not have.
    const name = called?.name ?? '';
    const text = called?.arguments ?? '';
    if (!this.#hasRoom(name.length + text.length + (id?.length ?? 0) + (type?.length ?? 0))) return false;
    if (id) tool.id = id;
    if (type) tool.type = type;
    tool.name += name;
    tool.arguments.add(text);
    return true;
  }

  /** Why the choice ended. @returns whether there is room for it */
  finish(index: number, reason: string): boolean {
    const choice = this.#choice(index);
    if (choice === undefined || !this.#hasRoom(reason.length)) return false;
    choice.finishReason = reason;
    return true;
  }

  /** Whether nothing has come so far that a reader would see: empty texts are none. */
  get isSilent(): boolean {
    return this.#choices.every(({ text, tools }) => text.isEmpty && tools.length === 0);
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
        content: hasText || tools.length === 0 ? text.text() : null,
        ...(tools.length > 0 && {
          tool_calls: tools.map(({ id, type, name, arguments: pieces }) => ({
            id,
            type,
            function: { name, arguments: pieces.text() },
          })),
        }),
      },
      finish_reason: own ?? finishReason ?? (tools.length > 0 ? 'tool_calls' : 'stop'),
    }));
  }

  #hasRoom(characters: number): boolean {
    this.#characters += characters;
    return this.#characters <= MAX_ANSWER_CHARACTERS;
  }

  #choice(index: number): Assembled | undefined {
    if (!(Number.isInteger(index) && index >= 0 && index <= MAX_INDEX)) return undefined;
    while (this.#choices.length <= index) {
      if (!this.#hasRoom(EACH)) return undefined;
      this.#choices.push({ text: new Pieces(), hasText: false, tools: [], finishReason: undefined });
    }
    return this.#choices[index];
  }
}
