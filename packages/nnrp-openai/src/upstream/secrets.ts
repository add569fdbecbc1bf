/** Shorter ones stand in ordinary texts, too. */
const MIN_LENGTH = 8;
const HIDDEN = '[hidden]';

/** Texts that belong to this gateway alone: a model server may repeat the key that it was sent. */
export class Secrets {
  readonly #texts: readonly string[];

  constructor(given: readonly (string | undefined)[]) {
    const texts = given.filter((text) => text !== undefined && text.length >= MIN_LENGTH) as string[];
    // One that holds another one goes first.
    this.#texts = texts.sort((a, b) => b.length - a.length);
  }

  hide(text: string): string {
    return this.#texts.reduce((hidden, secret) => hidden.replaceAll(secret, HIDDEN), text);
  }
}
