import { type AsyncContext, currentContext } from '../../platform/platform.js';

/** Copies made at once: to enter the context costs more than to make one. */
const COPIES = 16;

/**
 * The async context in which the application handed over a callback: its AsyncLocalStorage stores as they were then. The
 * runtime calls the application from many stacks, also from inside the call of another client's handler, so each call
 * starts in this context, and in a copy of its own: what it does to its stores reaches no other call.
 */
export class ApplicationContext {
  /** Nothing of the application ever runs in it, so that nothing is changed in it. */
  private readonly origin = currentContext();
  /** Copies that are not handed out yet. */
  private fresh: AsyncContext[] = [];

  /** Runs work of the application in a copy of the context. @throws what the work throws */
  run<Result>(work: () => Result): Result {
    return this.copy().runInAsyncScope(work);
  }

  /** A copy of the context for several calls that belong together, such as those of one operation. */
  copy(): AsyncContext {
    if (this.fresh.length === 0) this.fresh = this.origin.runInAsyncScope(makeContexts);
    return this.fresh.pop() as AsyncContext;
  }
}

function makeContexts(): AsyncContext[] {
  const contexts: AsyncContext[] = [];
  for (let count = 0; count < COPIES; count++) contexts.push(currentContext());
  return contexts;
}
