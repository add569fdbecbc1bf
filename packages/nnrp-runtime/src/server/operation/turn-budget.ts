import { setImmediate } from '../../platform/platform.js';

/** Milliseconds of sending after which a turn of the event loop is due; the clock is looked at now and then only. */
const MAX_TURN_MS = 8;
const LOOK_EVERY = 32;

let sent = 0;
let sinceMs = 0;
let nextTurn: Promise<void> | undefined;

/**
 * Makes handlers that wait for nothing but `push` leave time for all other work: nothing comes in and
 * no deadline passes while promises that are resolved already follow each other. One budget for the whole process, since
 * it is the process that stands still.
 *
 * @returns what to wait for before the next partial result; undefined when there is no need
 */
export function turnDue(): Promise<void> | undefined {
  if (nextTurn !== undefined) return nextTurn;
  if (++sent % LOOK_EVERY !== 0 || performance.now() - sinceMs < MAX_TURN_MS) return undefined;
  nextTurn = new Promise((resolve) => {
    // Nothing in it can throw.
    setImmediate(() => {
      sinceMs = performance.now();
      nextTurn = undefined;
      resolve();
    });
  });
  return nextTurn;
}
