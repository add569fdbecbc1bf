import type { OperationContext } from './operation-context.js';
import type { SessionInbox } from './session-inbox.js';

const OVER: IteratorResult<OperationContext, void> = { done: true, value: undefined };

/** The submits of a session one after the other; by hand, because an async generator costs three promises for each. */
export class SubmitIterator implements AsyncIterableIterator<OperationContext, void, void> {
  private left = false;

  constructor(private readonly inbox: SessionInbox) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<OperationContext, void>> {
    if (this.left) return Promise.resolve(OVER);
    const waiting = this.inbox.takeSubmit();
    if (waiting !== undefined) return Promise.resolve({ done: false, value: waiting });
    let coming: Promise<OperationContext>;
    try {
      coming = this.inbox.nextSubmit();
    } catch {
      // Somebody else takes the submits of the session now.
      return Promise.resolve(OVER);
    }
    return coming.then(
      (value) => ({ done: false, value }),
      () => OVER,
    );
  }

  return(): Promise<IteratorResult<OperationContext, void>> {
    this.left = true;
    return Promise.resolve(OVER);
  }
}
