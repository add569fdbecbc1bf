import { setImmediate } from '../../platform/platform.js';
import { SETTLED } from '../promises/settled.js';

/** From the first look at the clock to the end of the code that runs now, with the promises that were settled by then. */
export interface Turn {
  /** Milliseconds of `performance.now()`; the beginning, as long as it has not ended. */
  readonly endMs: number;
}

let current: { endMs: number } | undefined;
let isShared = false;

/**
 * The turn that runs now. To look at the clock costs more than to send a small packet, so what happens in one turn shares
 * two looks.
 */
export function thisTurn(): Turn {
  if (current === undefined) {
    current = { endMs: performance.now() };
    isShared = false;
    // Not nextTick, which costs more. Of the process, no connection; nothing in it can throw.
    SETTLED.then(endTurn);
  } else {
    isShared = true;
  }
  return current;
}

function endTurn(): void {
  if (isShared && current !== undefined) current.endMs = performance.now();
  current = undefined;
}

let turns = 0;
let isCounting = false;

/** The number of the present turn of the event loop; it grows only while it is asked for. */
export function loopTurn(): number {
  if (!isCounting) {
    isCounting = true;
    // Of the process, no connection; nothing in it can throw.
    setImmediate(nextLoopTurn);
  }
  return turns;
}

function nextLoopTurn(): void {
  isCounting = false;
  turns++;
}
