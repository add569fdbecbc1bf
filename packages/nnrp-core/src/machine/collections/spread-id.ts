import { oddFactor } from './odd-factor.js';

const FACTOR = /* @__PURE__ */ oddFactor();

/**
 * A 32-bit number for an id whose high bits say where the id belongs in a table: ids that differ in few bits, whichever,
 * lie far apart.
 */
export function spreadId(id: number): number {
  // A product alone spreads ids badly that differ in few bits, whenever the factor happens to be a bad one (measured).
  let mixed = Math.imul(id, FACTOR);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0;
}
