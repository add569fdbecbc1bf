/** Bytes of this process after its garbage has been collected. */
export interface Memory {
  /** JavaScript heap and what it holds outside, buffers included. */
  readonly held: number;
  readonly resident: number;
}

const PATIENCE_MS = 10_000;

/**
 * The memory of this process once it has so many connections.
 *
 * @throws Error without --expose-gc, or when the process does not get to that number
 */
export async function memoryWith(connections: number, open: () => number): Promise<Memory> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('needs --expose-gc');
  const giveUp = Date.now() + PATIENCE_MS;
  while (open() !== connections) {
    if (Date.now() > giveUp) throw new Error(`expected ${connections} connections, the process has ${open()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // Finalisers of one collection let go of things that the next one takes.
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, resident: rss };
}
