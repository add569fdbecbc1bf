import { setImmediate as turn } from 'node:timers/promises';
import { PATIENCE_MS } from './raw-peer.js';

/** Lets the event loop turn until `condition` holds. @throws Error when it does not within the tests' patience */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await turn();
  }
}
