/** Promises that an application holds: every one of them settles, or something is hung. */
export class Pledges {
  private readonly pending = new Map<Promise<unknown>, string>();

  /** @param name - what the promise is of, for people */
  add(name: string, promise: PromiseLike<unknown>): void {
    const followed: Promise<unknown> = Promise.resolve(promise).then(
      () => this.pending.delete(followed),
      () => this.pending.delete(followed),
    );
    this.pending.set(followed, name);
  }

  get size(): number {
    return this.pending.size;
  }

  /** Those that have not settled, for people. */
  names(): string[] {
    return [...this.pending.values()];
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lets the event loop turn. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits by turns of the event loop. @returns whether it came about within the time */
export async function until(done: () => boolean, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  for (let turn = 0; !done(); turn++) {
    if (performance.now() > endMs) return false;
    if (turn < 100) await new Promise((resolve) => setImmediate(resolve));
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return true;
}
