/** Bytes that are held for all requests together, and how many may be. */
export interface BytePool {
  readonly most: number;
  held: number;
}

/** What one request holds of them, until it is answered. */
export class HeldBytes {
  readonly #pool: BytePool;
  #own = 0;

  constructor(pool: BytePool) {
    this.#pool = pool;
  }

  /** @returns false when there is no room for them; then they are not held */
  take(bytes: number): boolean {
    const pool = this.#pool;
    if (pool.held + bytes > pool.most) return false;
    pool.held += bytes;
    this.#own += bytes;
    return true;
  }

  release(): void {
    this.#pool.held -= this.#own;
    this.#own = 0;
  }
}
