import { AssembledAnswer } from '../chunks/assembled-answer.js';
import { type ChunkDelta, ChunkEncoder } from '../chunks/chunk-encoder.js';
import type { JsonObject } from '../chunks/chunk-parts.js';
import { cutFailure, formFailure } from '../upstream/upstream-failure.js';
import type { StreamForm } from './stream-form.js';

/** Chunks of chats and completions: partial results are their pieces, and the last result is what they make together. */
export class ChunkForm implements StreamForm {
  readonly #encoder = new ChunkEncoder();
  readonly #answer = new AssembledAnswer();
  readonly #isChat: boolean;

  /** @param isChat - else it is one of completions */
  constructor(isChat: boolean) {
    this.#isChat = isChat;
  }

  partial(chunk: JsonObject): ChunkDelta {
    if (!this.#answer.add(chunk)) throw formFailure('more text, choices or tool calls than an answer may have');
    return this.#encoder.encode(chunk);
  }

  answer(isMarked: boolean): JsonObject {
    // Servers leave the mark at the end out; then all choices have to be at their end.
    if (!isMarked && !this.#answer.isWhole) throw cutFailure();
    return this.#answer.answer(this.#isChat);
  }
}
