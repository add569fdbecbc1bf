import { type Guarded, guard, NO_OWNER, nextTurn } from '../../base/guard.js';
import { Line } from '../../base/queues/line.js';

interface Waiting {
  readonly owner: Guarded;
  readonly readOn: () => void;
}

const waiting = new Line<Waiting>();

/**
 * Reads on when those that have waited longer have had their turn: of all connections of the process that have used up their share, one
 * in each turn of the event loop. However many peers send as fast as they can, the others are looked at in between.
 */
export function waitForOthers(owner: Guarded, readOn: () => void): void {
  waiting.push({ owner, readOn });
  if (waiting.size === 1) nextTurn(NO_OWNER, nextReads);
}

function nextReads(): void {
  const { owner, readOn } = waiting.take();
  if (waiting.size > 0) nextTurn(NO_OWNER, nextReads);
  guard(owner, readOn);
}
