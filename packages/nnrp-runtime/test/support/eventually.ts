import { setImmediate as turn } from 'node:timers/promises';
import { PATIENCE_MS } from './raw-peer.js';

/** Lets the event loop turn until `condition` holds. @throws Error when it does not within the tests' patience */
export async function eventually(condition: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await turn();
  }
}
