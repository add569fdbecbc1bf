/** Large bodies in a row that the kernel has to take at once before it is trusted to take the next one. */
const TRUST_AFTER = 8;

/**
 * Decides for a socket whether large bodies are written from where they are, or copied first.
 *
 * What the kernel does not take at once, it is given later out of the same memory. By then the sender may have transferred
 * it to a thread that has freed it, and anything may lie there. So a body is copied, unless the kernel has taken the last
 * ones at once: with a peer that keeps up a copy would be the better part of the work, with any other it costs nothing.
 */
export class Lending {
  private takenAtOnce = 0;

  get isSafe(): boolean {
    return this.takenAtOnce >= TRUST_AFTER;
  }

  /** @param large - whether a large body was in it */
  wrote(large: boolean, atOnce: boolean): void {
    if (!atOnce) this.takenAtOnce = 0;
    else if (large && this.takenAtOnce < TRUST_AFTER) this.takenAtOnce++;
  }
}
