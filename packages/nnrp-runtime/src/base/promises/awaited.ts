import { crash, type Guarded, repeatedly } from '../guard.js';

/** Milliseconds that a step of an end may take, if it is up to code of the application's own; shorter than any drain by default. */
export const STEP_MS = 2000;

/**
 * Takes a step that is up to code of the application's own, such as the close of its transport, and waits for it, but not
 * for ever. It never rejects: the owner is told what the step throws, or that it has come to no end.
 *
 * @param everyMs - how often `giveUp` is asked
 * @param giveUp - why the step is not waited for any longer; undefined while it is
 */
export function awaited(
  owner: Guarded,
  step: () => unknown,
  everyMs: number,
  giveUp: () => Error | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = repeatedly(owner, everyMs, () => {
      const late = giveUp();
      if (late !== undefined) failed(late);
    });
    const done = () => {
      clearInterval(timer);
      resolve();
    };
    const failed = (error: unknown) => {
      done();
      crash(owner, error);
    };
    // Whatever the step returns: it may be no promise, or one that throws when it is looked at.
    new Promise((settle) => settle(step())).then(done, failed);
  });
}
