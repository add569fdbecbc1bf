import { AssembledChoices, type ToolCallDelta } from 'nnrp-runtime/calls';
import { isObject, member } from 'nnrp-runtime/transport';
import type { JsonObject } from './chunk-parts.js';

/** Of a chunk, what the answer says of all of it. */
const COMMON = ['id', 'created', 'model', 'system_fingerprint', 'service_tier'] as const;
const MAX_CHOICES = 1024;

/** Puts the chunks of one stream together to the answer that its last result has. */
export class AssembledAnswer {
  readonly #choices = new AssembledChoices();
  readonly #common: Record<string, unknown> = {};
  readonly #unfinished = new Set<number>();
  #usage: unknown;
  #seen = 0;

  /** Whether there is room for it. */
  add(chunk: JsonObject): boolean {
    for (const name of COMMON) {
      const value = member(chunk, name);
      if (value !== undefined && value !== null) this.#common[name] ??= value;
    }
    const usage = member(chunk, 'usage');
    if (isObject(usage)) this.#usage = usage;
    const choices = member(chunk, 'choices');
    return !Array.isArray(choices) || choices.every((choice) => !isObject(choice) || this.#addChoice(choice));
  }

  /** Whether all that has begun has ended: a stream without `[DONE]` is whole then. */
  get isWhole(): boolean {
    return this.#seen > 0 && this.#unfinished.size === 0;
  }

  /** @param isChat - else it is one of completions */
  answer(isChat: boolean): JsonObject {
    const choices = this.#choices.choices();
    return {
      object: isChat ? 'chat.completion' : 'text_completion',
      ...this.#common,
      choices: isChat
        ? choices
        : choices.map(({ index, message, finish_reason }) => ({ index, text: message.content ?? '', finish_reason })),
      ...(this.#usage !== undefined && { usage: this.#usage }),
    };
  }

  #addChoice(choice: JsonObject): boolean {
    const index = member(choice, 'index') ?? 0;
    if (typeof index !== 'number' || !(index >= 0 && index < MAX_CHOICES)) return false;
    this.#seen++;
    const finish = member(choice, 'finish_reason');
    if (typeof finish === 'string') {
      this.#unfinished.delete(index);
      if (!this.#choices.finish(index, finish)) return false;
    } else this.#unfinished.add(index);
    const delta = member(choice, 'delta');
    const text = isObject(delta) ? member(delta, 'content') : member(choice, 'text');
    const tools = isObject(delta) ? member(delta, 'tool_calls') : undefined;
    const hasRoom = typeof text !== 'string' || text === '' || this.#choices.addText(index, text);
    return hasRoom && (!Array.isArray(tools) || this.#choices.addToolCalls(index, tools.filter(isPiece)));
  }
}

function isPiece(value: unknown): value is ToolCallDelta {
  if (!isObject(value) || !Number.isInteger(member(value, 'index')) || !areTexts(value, ['id', 'type'])) return false;
  const called = member(value, 'function');
  if (called === undefined || called === null) return true;
  if (!isObject(called)) return false;
  return areTexts(called, ['name', 'arguments']);
}

/** Or null, as servers write what is not there. */
function areTexts(object: JsonObject, names: readonly string[]): boolean {
  return names.every((name) => ['string', 'undefined'].includes(typeof (member(object, name) ?? undefined)));
}
