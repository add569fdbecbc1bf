import { same } from './model-words.js';

/** Tokens that are good beside the newest one at most. */
const MAX_UNPROVED = 7;

/** The tokens of one session, as its server should know them. */
export class ModelTokens {
  newest: Uint8Array = new Uint8Array(0);
  /** Beside the newest one, until the peer has shown that it has that; the newest first. */
  private unproved: Uint8Array[] = [];
  private readonly old: Uint8Array[] = [];
  /** Tokens that the server has handed out besides, and the model has not seen: they take places of others. */
  private unseen = 0;

  /** One that may not be used, or soon may not. */
  get oldest(): Uint8Array | undefined {
    return this.old.at(-1) ?? this.unproved.at(-1);
  }

  isNewest(token: Uint8Array): boolean {
    return same(token, this.newest);
  }

  isUnproved(token: Uint8Array): boolean {
    return this.unproved.some((good) => same(token, good));
  }

  /** Another resume was granted as well, and lost its connection at once. */
  presentedTwice(): void {
    this.unseen++;
  }

  /** Whether the server may have no place for it. */
  isDoubtful(token: Uint8Array): boolean {
    const at = this.unproved.findIndex((good) => same(token, good));
    return at >= MAX_UNPROVED - this.unseen;
  }

  /** The session was resumed by this one. */
  presented(token: Uint8Array, next: Uint8Array): void {
    const others = [this.newest, ...this.unproved].filter((good) => !same(good, token));
    // The peer had the newest one, or may have any of them.
    if (this.isNewest(token)) this.unseen = 0;
    this.old.push(...others.splice(this.isNewest(token) ? 0 : MAX_UNPROVED - 1));
    this.unproved = [token, ...others];
    this.newest = next;
  }
}
