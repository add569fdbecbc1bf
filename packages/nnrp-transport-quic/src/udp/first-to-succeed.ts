import { later } from 'nnrp-runtime/transport';

/** Milliseconds after which the next attempt begins beside those under way. @see RFC 8305 section 5 */
const DELAY_MS = 250;

/** One attempt; a signal that aborts says that its result is not needed any more. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Makes attempts one after another, the next one when the last has failed or is slow. Once one has succeeded the others
 * are told to give up, and what succeeds all the same is given back.
 *
 * @param attempts - at least one
 * @param giveBack - ends a result that is not needed
 * @param giveUp - ends all of it
 * @returns the first result; rejects with the first error when every attempt has failed, with its reason after `giveUp`
 */
export function firstToSucceed<T>(
  attempts: readonly Attempt<T>[],
  giveBack: (result: T) => void,
  giveUp: AbortSignal,
  delayMs = DELAY_MS,
): Promise<T> {
  const abandon = new AbortController();
  return new Promise((resolve, reject) => {
    let begun = 0;
    let failed = 0;
    let firstError: unknown;
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(timer);
      giveUp.removeEventListener('abort', stopped);
      abandon.abort(new Error('it is not needed any more'));
    };
    const stopped = () => {
      end();
      reject(giveUp.reason);
    };
    const next = () => {
      clearTimeout(timer);
      const attempt = attempts[begun];
      if (attempt === undefined) return;
      begun++;
      timer = later({ crashed: lost }, delayMs, next);
      attempt(abandon.signal).then(succeeded, lost);
    };
    const succeeded = (result: T) => {
      if (abandon.signal.aborted) {
        giveBack(result);
        return;
      }
      end();
      resolve(result);
    };
    const lost = (error: unknown) => {
      if (abandon.signal.aborted) return;
      if (failed++ === 0) firstError = error;
      if (failed === attempts.length) {
        end();
        reject(firstError);
      } else if (begun === failed) {
        next();
      }
    };
    giveUp.addEventListener('abort', stopped);
    if (giveUp.aborted) stopped();
    else next();
  });
}
