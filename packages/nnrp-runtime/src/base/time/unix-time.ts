const MOST_MS = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * A moment of the calendar, which peers send, as `performance.now` has it. Told once, so that it stays where it is when the clock of
 * this machine is set.
 * @param unixMs - milliseconds since 1970
 */
export function momentOf(unixMs: bigint): number {
  return performance.now() + Number(unixMs > MOST_MS ? MOST_MS : unixMs) - Date.now();
}
