import { AssertionError } from 'node:assert';

/** Milliseconds that a wait may take when the setup does not say. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Waits for something that must happen.
 *
 * @param what - ends the sentence "timed out waiting for"
 * @param detail - what has happened instead, asked when time is up
 * @throws AssertionError (as a rejection) after `timeoutMs`
 */
export async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  what: string,
  detail: () => string = () => '',
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const message = `timed out after ${timeoutMs} ms waiting for ${what}${detail()}`;
      reject(new AssertionError({ message }));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
