import { type Guarded, guard, NO_OWNER, nextTurn } from '../../base/guard.js';
import { Line } from '../../base/queues/line.js';
import { loopTurn } from '../../base/time/turn.js';
import { type AsyncContext, currentContext } from '../../platform/platform.js';

/** Milliseconds of one turn of the event loop that the packets of one connection may take while others wait. */
const SHARE_MS = 2;
/** Milliseconds after which a turn has been long enough for all: then a connection has the least share. */
const TURN_MS = 20;
const LEAST_SHARE_MS = 0.1;
/** Milliseconds of a turn, at most, in which those read on that have used up their share before. */
const WAITING_MS = 10;
/** Packets between two looks at the clock. */
const LOOK_EVERY = 32;
/** What comes in small pieces hardly fills a turn: so much is taken before it is asked which turn it is. */
const ASK_EVERY_BYTES = 4096;
/** Counted for each piece on top of its bytes. */
const PIECE_BYTES = 256;

/** When the first connection of the process that had something to read in it began to. */
const begun = { turn: -1, atMs: 0 };

/**
 * How long one connection has been at work in the present turn of the event loop. A socket whose peer sends as fast as it
 * can is read some thirty times before any other gets its turn, and what its packets set off runs in between: without a
 * bound one peer would make all others wait for as long as that takes.
 */
export class TurnShare {
  private turn = -1;
  private beganMs = 0;
  private untilLook = LOOK_EVERY;
  private bytes = 0;

  /** Something has come. */
  begin(bytes: number): void {
    this.bytes += bytes + PIECE_BYTES;
    if (this.bytes < ASK_EVERY_BYTES) return;
    this.bytes = 0;
    if (loopTurn() !== this.turn) this.renew(performance.now());
  }

  /**
   * One packet has been dealt with.
   *
   * @param isOneOfMany - whether it counts how long the turn has been for all
   * @returns whether the others must have their turn now
   */
  isUsedUp(isOneOfMany: boolean): boolean {
    if (--this.untilLook > 0) return false;
    this.untilLook = LOOK_EVERY;
    const nowMs = performance.now();
    const tookMs = nowMs - this.beganMs;
    if (tookMs < LEAST_SHARE_MS) return false;
    if (loopTurn() === this.turn) return tookMs >= SHARE_MS || (isOneOfMany && nowMs - begun.atMs >= TURN_MS);
    this.renew(nowMs);
    return false;
  }

  /** A new turn has begun for the connection. */
  renew(nowMs = performance.now()): void {
    this.turn = loopTurn();
    this.beganMs = nowMs;
    if (begun.turn === this.turn) return;
    begun.turn = this.turn;
    begun.atMs = nowMs;
  }
}

interface Waiting {
  readonly owner: Guarded;
  /** The line may be read in the context of any connection. */
  readonly context: AsyncContext;
  readonly readOn: () => void;
}

/** Those of the process that have used up their share. */
const waiting = new Line<Waiting>();
let willRead = false;
let haveReadMs = 0;

/**
 * Reads on when those that have waited longer have had their turn. Together they have as much of each turn of the event loop as
 * everything else has, ten milliseconds at most: however many peers send as fast as they can, all others are looked at in between.
 */
export function waitForOthers(owner: Guarded, readOn: () => void): void {
  waiting.push({ owner, context: currentContext(), readOn });
  readSoon();
}

function readSoon(): void {
  if (willRead || waiting.size === 0) return;
  willRead = true;
  nextTurn(NO_OWNER, readOn);
}

function readOn(): void {
  willRead = false;
  const nowMs = performance.now();
  const untilMs = nowMs + Math.min(nowMs - haveReadMs, WAITING_MS);
  for (let left = waiting.size; left > 0; left--) {
    const next = waiting.take();
    next.context.runInAsyncScope(guard, undefined, next.owner, next.readOn);
    if (performance.now() >= untilMs) break;
  }
  haveReadMs = performance.now();
  readSoon();
}
