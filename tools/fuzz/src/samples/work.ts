import type { Dice } from './dice.js';

/** What a server is asked to do with a frame, by the first byte of its body. */
export const WORK = { echo: 0, promise: 1, generator: 2, asyncGenerator: 3, throws: 4, hangs: 5, late: 6, pushes: 7 };

/** Bytes that ask a server for a kind of work. */
export function workBody(kind: number, dice: Dice): Uint8Array {
  return new Uint8Array(1 + dice.below(dice.chance(0.1) ? 2000 : 40)).fill(dice.below(256)).fill(kind, 0, 1);
}
