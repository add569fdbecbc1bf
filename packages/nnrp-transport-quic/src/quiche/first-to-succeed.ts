/** Milliseconds after which the next attempt begins beside those under way. @see RFC 8305 section 5 */
const DELAY_MS = 250;

/**
 * Makes attempts one after another, the next one when the last has failed or is slow. What succeeds too late is given
 * back.
 *
 * @param attempts - at least one
 * @param giveBack - ends a result that nobody needs
 * @returns the first result; rejects with the first error when every attempt has failed
 */
export function firstToSucceed<T>(
  attempts: readonly (() => Promise<T>)[],
  giveBack: (result: T) => void,
  delayMs = DELAY_MS,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let failed = 0;
    let done = false;
    let firstError: unknown;
    let timer: NodeJS.Timeout | undefined;
    const next = () => {
      clearTimeout(timer);
      const attempt = attempts[begun];
      if (done || attempt === undefined) return;
      begun++;
      timer = setTimeout(next, delayMs);
      attempt().then(succeeded, lost);
    };
    const succeeded = (result: T) => {
      clearTimeout(timer);
      if (done) giveBack(result);
      done = true;
      resolve(result);
    };
    const lost = (error: unknown) => {
      if (failed++ === 0) firstError = error;
      if (failed === attempts.length) {
        clearTimeout(timer);
        reject(firstError);
      } else if (begun === failed) {
        next();
      }
    };
    next();
  });
}
