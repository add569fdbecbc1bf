import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const ALGORITHM = 'sha256';
const HASH_BYTES = 32;

/** Makes and recognises the tokens of a server's sessions. Only keyed hashes are kept, under a key that the process alone knows. */
export class TokenHashes {
  private readonly key = randomBytes(HASH_BYTES);
  /** Compared with where there is nothing to compare with, so that this takes as long. */
  private readonly nothing = randomBytes(HASH_BYTES);

  /** As text of one byte a character, which takes a quarter of what bytes of their own take. */
  hash(token: Uint8Array): string {
    return this.digest(token).toString('latin1');
  }

  matches(token: Uint8Array, hash: string | undefined): boolean {
    const expected = hash === undefined ? this.nothing : Buffer.from(hash, 'latin1');
    return timingSafeEqual(this.digest(token), expected) && hash !== undefined;
  }

  private digest(token: Uint8Array): Buffer {
    return createHmac(ALGORITHM, this.key).update(token).digest();
  }
}

/**
 * The tokens of one session. Each resume hands out a new one; the old one stays good until the client has shown that it
 * has the new connection, since the acknowledgement with the new one may have been lost.
 */
export class ResumeTokens {
  private current: string | undefined;
  private previous: string | undefined;

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
    this.previous = presented && this.hashes.hash(presented);
    this.current = this.hashes.hash(token);
    return token;
  }

  /** Whether the session may be resumed by it. Takes as long for each token of the same length. */
  accepts(token: Uint8Array): boolean {
    const isCurrent = this.hashes.matches(token, this.current);
    const isPrevious = this.hashes.matches(token, this.previous);
    return isCurrent || isPrevious;
  }

  /** The client has the newest one. */
  proved(): void {
    this.previous = undefined;
  }
}
