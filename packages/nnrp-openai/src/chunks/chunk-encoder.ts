import { isObject, member } from 'nnrp-runtime/transport';
import { type JsonObject, partsOf } from './chunk-parts.js';

/** A partial result of the profile. */
export type ChunkDelta = JsonObject & { readonly type: `response.${string}` };

/** Choices whose last frame is remembered; those of more are sent each time. */
const MAX_FRAMES = 64;
/** A longer frame is not remembered: a piece of a few bytes would stand for all of it, as often as the server likes. */
export const MAX_FRAME_LENGTH = 16 * 1024;

/**
 * Writes the chunks of one stream as partial results. A piece of text or of tool calls goes as a delta; the rest of its chunk
 * goes along, as `chunk`, whenever it is not the same as before. Other chunks go as they are.
 */
export class ChunkEncoder {
  readonly #frames = new Map<string, string>();

  encode(chunk: JsonObject): ChunkDelta {
    const usage = member(chunk, 'usage');
    const choices = member(chunk, 'choices');
    if (Array.isArray(choices) && choices.length === 0 && isObject(usage)) {
      return { type: 'response.usage', usage, chunk: { ...chunk, usage: null } };
    }
    const parts = partsOf(chunk);
    if (parts === undefined) return { type: 'response.chunk', chunk };
    const { index, name, piece, frame } = parts;
    const rest = this.#isNew(`${name} ${index}`, frame) ? { chunk: frame } : {};
    if (name === 'tool_calls') return { type: 'response.tool_calls.delta', index, tool_calls: piece, ...rest };
    return { type: 'response.output_text.delta', index, delta: piece, ...rest };
  }

  #isNew(key: string, frame: JsonObject): boolean {
    const text = JSON.stringify(frame);
    if (this.#frames.get(key) === text) return false;
    if (text.length > MAX_FRAME_LENGTH) this.#frames.delete(key);
    else if (this.#frames.has(key) || this.#frames.size < MAX_FRAMES) this.#frames.set(key, text);
    return true;
  }
}
