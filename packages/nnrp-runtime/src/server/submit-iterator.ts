import type { Waiter } from '../async-queue.js';
import type { OperationContext } from './operation-context.js';
import { QueueIterator } from './queue-iterator.js';
import type { SessionInbox } from './session-inbox.js';

/** The submits of a session one after the other; it throws when somebody else takes the messages in the meantime. */
export class SubmitIterator extends QueueIterator<OperationContext, OperationContext> {
  constructor(private readonly inbox: SessionInbox) {
    super();
  }

  protected take(): OperationContext | undefined {
    return this.inbox.takeSubmit();
  }

  protected wait(waiter: Waiter<OperationContext>): void {
    this.inbox.awaitSubmit(waiter);
  }

  protected withdraw(waiter: Waiter<OperationContext>): void {
    this.inbox.withdraw(waiter);
  }

  protected ending(): Error | undefined {
    return this.inbox.takenAway('submit');
  }

  protected left(unseen: OperationContext[]): void {
    this.inbox.putBack(unseen);
  }

  protected shown(operation: OperationContext): OperationContext {
    return operation;
  }
}
