/** Odd, and another one in every process, so that a peer cannot choose ids that all fall into one place. */
const FACTOR = /* @__PURE__ */ (Math.floor(Math.random() * 0x7fffffff) * 2 + 1) >>> 0;

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
