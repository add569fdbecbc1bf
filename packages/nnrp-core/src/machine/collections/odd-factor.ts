/** Odd, of 32 bits, and another one at every call, so that a peer cannot choose ids that all fall into one place. */
export function oddFactor(): number {
  return (Math.random() * 2 ** 32) | 1;
}
