import { setTimeout as after } from 'node:timers/promises';

const LOOK_MS = 5;

/** Looks until `condition` holds. @throws Error when it does not within `timeoutMs` */
export async function until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`timed out after ${timeoutMs} ms waiting until ${what}`);
    await after(LOOK_MS);
  }
}
