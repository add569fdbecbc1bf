import { messageText } from 'nnrp-runtime/calls';
import { isObject, member } from 'nnrp-runtime/transport';
import { MAX_FRAME_LENGTH } from './chunk-encoder.js';
import { type JsonObject, type PieceName, withPiece } from './chunk-parts.js';

/** What chunks of a server say that sends deltas alone. */
export interface ChunkDefaults {
  readonly object: 'chat.completion.chunk' | 'text_completion';
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

/** As many as the encoder has. */
const MAX_FRAMES = 64;
const MAX_CHOICES = 1024;

/** Makes chunks again of the partial results of one stream. */
export class ChunkDecoder {
  readonly #frames = new Map<string, JsonObject>();
  readonly #finished = new Set<number>();
  /** Choices of which a chunk was made here: the first one of each says whose words they are. */
  readonly #begun = new Set<number>();
  readonly #defaults: ChunkDefaults;
  /** Chunks of the model server itself come along: how its choices end, they say. */
  #hasChunks = false;
  #hasUsage = false;

  constructor(defaults: ChunkDefaults) {
    this.#defaults = defaults;
  }

  /** @returns the chunk; undefined for a partial result that is none; `malformed` for one that breaks its form */
  decode(delta: unknown): JsonObject | undefined | 'malformed' {
    if (!isObject(delta)) return 'malformed';
    const chunk = member(delta, 'chunk');
    if (chunk !== undefined && !isObject(chunk)) return 'malformed';
    if (chunk !== undefined) this.#hasChunks = true;
    const decoded = this.#decoded(delta, chunk);
    if (isObject(decoded)) this.#note(decoded);
    return decoded;
  }

  #decoded(delta: JsonObject, chunk: JsonObject | undefined): JsonObject | undefined | 'malformed' {
    switch (member(delta, 'type')) {
      case 'response.output_text.delta': {
        const name = this.#textName(chunk);
        return this.#piece(name, delta, typeof delta['delta'] === 'string' ? delta['delta'] : undefined, chunk);
      }
      case 'response.tool_calls.delta':
        return this.#piece(
          'tool_calls',
          delta,
          Array.isArray(delta['tool_calls']) ? delta['tool_calls'] : undefined,
          chunk,
        );
      case 'response.usage':
        if (!isObject(delta['usage'])) return 'malformed';
        return { ...(chunk ?? { ...this.#defaults, choices: [] }), usage: delta['usage'] };
      case 'response.chunk':
        return chunk ?? 'malformed';
      default:
        // What this version does not know is no chunk.
        return undefined;
    }
  }

  /**
   * What the chunks so far do not say of an answer, where they are not the model server's own: how its choices end, and its usage. A
   * server may send deltas alone.
   */
  endings(answer: JsonObject): JsonObject[] {
    const choices = member(answer, 'choices');
    if (this.#hasChunks) return [];
    const usage = member(answer, 'usage');
    const last = isObject(usage) && !this.#hasUsage ? [{ ...this.#defaults, choices: [], usage }] : [];
    return Array.isArray(choices) ? [...this.#ends(choices.filter(isObject)), ...last] : last;
  }

  #ends(choices: readonly JsonObject[]): JsonObject[] {
    return choices.flatMap((choice, place) => {
      const index = Number.isInteger(choice['index']) ? (choice['index'] as number) : place;
      if (this.#finished.has(index)) return [];
      const finish_reason = typeof choice['finish_reason'] === 'string' ? choice['finish_reason'] : 'stop';
      // Of a choice without a piece so far, the answer has it all.
      const said = this.#begun.has(index) ? {} : saidIn(choice);
      const { text = '', ...delta } = said;
      const rest =
        this.#defaults.object === 'text_completion' ? { text } : { delta: { ...this.#role(index), ...delta } };
      return [{ ...this.#defaults, choices: [{ index, ...rest, logprobs: null, finish_reason }] }];
    });
  }

  #textName(chunk: JsonObject | undefined): PieceName {
    const choices = chunk === undefined ? undefined : member(chunk, 'choices');
    if (!Array.isArray(choices)) return this.#defaults.object === 'text_completion' ? 'text' : 'content';
    return isObject(choices[0]) && Object.hasOwn(choices[0], 'delta') ? 'content' : 'text';
  }

  #piece(name: PieceName, delta: JsonObject, piece: unknown, chunk: JsonObject | undefined): JsonObject | 'malformed' {
    const index = member(delta, 'index');
    if (piece === undefined || !Number.isInteger(index)) return 'malformed';
    const key = `${name} ${index as number}`;
    if (chunk !== undefined) this.#remember(key, chunk);
    const frame = chunk ?? this.#frames.get(key) ?? this.#made(name, index as number);
    return withPiece(frame, name, piece) ?? 'malformed';
  }

  /** As the encoder does: what it has not remembered comes along each time. */
  #remember(key: string, frame: JsonObject): void {
    if (JSON.stringify(frame).length > MAX_FRAME_LENGTH) this.#frames.delete(key);
    else if (this.#frames.has(key) || this.#frames.size < MAX_FRAMES) this.#frames.set(key, frame);
  }

  #made(name: PieceName, index: number): JsonObject {
    const rest = name === 'text' ? { text: null } : { delta: { ...this.#role(index), [name]: null } };
    return { ...this.#defaults, choices: [{ index, ...rest, logprobs: null, finish_reason: null }] };
  }

  #role(index: number): { readonly role?: string } {
    if (this.#begun.has(index)) return {};
    if (this.#begun.size < MAX_CHOICES) this.#begun.add(index);
    return { role: 'assistant' };
  }

  #note(chunk: JsonObject): void {
    if (isObject(member(chunk, 'usage'))) this.#hasUsage = true;
    const choices = member(chunk, 'choices');
    if (!Array.isArray(choices)) return;
    for (const choice of choices) {
      if (!isObject(choice) || typeof choice['index'] !== 'number') continue;
      if (this.#begun.size < MAX_CHOICES) this.#begun.add(choice['index']);
      if (typeof choice['finish_reason'] === 'string' && this.#finished.size < MAX_CHOICES)
        this.#finished.add(choice['index']);
    }
  }
}

/** What the choice of a whole answer says, as a chunk has it: its text, its tool calls, and whatever else, such as a refusal. */
function saidIn(choice: JsonObject): JsonObject & { readonly text?: string } {
  const [text, message] = [member(choice, 'text'), member(choice, 'message')];
  if (!isObject(message)) return typeof text === 'string' ? { text } : {};
  const { role: _role, text: _text, content, tool_calls, ...rest } = message;
  return {
    ...rest,
    ...((typeof content === 'string' || content === null) && { content }),
    ...(Array.isArray(content) && { content: messageText(content) }),
    ...(Array.isArray(tool_calls) && {
      tool_calls: tool_calls.map((called, index) => (isObject(called) ? { index, ...called } : called)),
    }),
  };
}
