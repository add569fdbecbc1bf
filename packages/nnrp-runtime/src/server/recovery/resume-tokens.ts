import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const ALGORITHM = 'sha256';
const HASH_BYTES = 32;
/** Tokens of a session that are good at once: of so many attempts of its client something may still be under way. */
const MAX_GOOD = 8;
/** Those, and one that was good before. */
const MAX_KNOWN = MAX_GOOD + 1;

/** Makes and recognises the tokens of a server's sessions. Only keyed hashes are kept, under a key that the process alone knows. */
export class TokenHashes {
  private readonly key = randomBytes(HASH_BYTES);
  /** Compared with where there is nothing to compare with, so that this takes as long. */
  private readonly nothing = randomBytes(HASH_BYTES).toString('latin1');

  /** As text of one byte a character, which takes a quarter of what bytes of their own take. */
  hash(token: Uint8Array): string {
    return this.digest(token).toString('latin1');
  }

  /** Whether it is one of those. As many are compared with each time, or the time would tell how many there are. */
  isAmong(token: Uint8Array, hashes: readonly string[]): boolean {
    const digest = this.digest(token);
    let found = false;
    for (let at = 0; at < MAX_KNOWN; at++) {
      const isEqual = timingSafeEqual(digest, Buffer.from(hashes[at] ?? this.nothing, 'latin1'));
      found = (isEqual && at < hashes.length) || found;
    }
    return found;
  }

  private digest(token: Uint8Array): Buffer {
    return createHmac(ALGORITHM, this.key).update(token).digest();
  }
}

/**
 * The tokens of one session. Each resume hands out a new one. Its acknowledgement may be lost, and an attempt that the client has
 * given up may arrive after a later one: so all stay good of which the client may have nothing newer, until it has shown that it
 * has the new connection.
 */
export class ResumeTokens {
  /** Hash of the newest one. Most sessions never have another: a list for it would cost more than the hash. */
  private newest: string | undefined;
  /** Hashes of the others that are good; the newest first. */
  private older: readonly string[] | undefined;
  /** Hash of the one that the session was resumed by last, once it is good no more. */
  private past: string | undefined;

  constructor(
    private readonly hashes: TokenHashes,
    private readonly length: number,
  ) {}

  /**
   * @param presented - the token that the session is resumed by: it stays good beside the new one
   * @returns a new token, to be sent to the client and not kept
   */
  issue(presented?: Uint8Array): Uint8Array {
    const token = randomBytes(this.length);
    this.older = this.after(presented);
    this.newest = this.hashes.hash(token);
    return token;
  }

  /** Whether the session may be resumed by it. Takes as long for each token of the same length. */
  accepts(token: Uint8Array): boolean {
    return this.hashes.isAmong(token, this.good);
  }

  /**
   * Whether it is good, or was good until the client had shown that it has a newer one. Such a token is no guess: it comes with
   * an attempt that the client has given up, and that arrives late. Takes as long for each token of the same length.
   */
  knows(token: Uint8Array): boolean {
    return this.hashes.isAmong(token, this.past === undefined ? this.good : [...this.good, this.past]);
  }

  /** The client has the newest one. */
  proved(): void {
    // Of the older ones the client has presented the first.
    if (this.older !== undefined) this.past = this.older[0];
    this.older = undefined;
  }

  /** Of all that are good; the newest first. */
  private get good(): readonly string[] {
    return this.newest === undefined ? [] : [this.newest, ...(this.older ?? [])];
  }

  /** Those that stay good when this one is presented. */
  private after(presented: Uint8Array | undefined): readonly string[] | undefined {
    if (presented === undefined) return undefined;
    const hash = this.hashes.hash(presented);
    // The client has the newest one: none that is older is of use to it.
    if (hash === this.newest) return [hash];
    const others = this.good.filter((good) => good !== hash);
    return [hash, ...others].slice(0, MAX_GOOD - 1);
  }
}
