/** The longest that is waited before an attempt, in milliseconds, unless the server asks for more. */
export const MAX_BACKOFF_MS = 5_000;

/**
 * Milliseconds to wait before an attempt to connect: drawn from all up to a bound, which doubles with each attempt, so that
 * clients that have lost their network together do not come back together.
 *
 * @param attempt - 0 for the first
 * @param firstMs - the bound of the first
 */
export function backoffMs(attempt: number, firstMs: number, random: () => number = Math.random): number {
  return random() * Math.min(MAX_BACKOFF_MS, firstMs * 2 ** Math.min(attempt, 30));
}
