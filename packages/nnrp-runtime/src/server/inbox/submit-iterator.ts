import type { Waiter } from '../../base/queues/async-queue.js';
import type { OperationContext } from '../contract/contract.js';
import type { Operation } from '../operation/operation.js';
import { QueueIterator } from './queue-iterator.js';
import type { SessionInbox } from './session-inbox.js';

/** The submits of a session one after the other; it throws when another reader takes the messages in the meantime. */
export class SubmitIterator extends QueueIterator<Operation, OperationContext> {
  constructor(private readonly inbox: SessionInbox) {
    super();
  }

  protected take(): Operation | undefined {
    return this.inbox.takeSubmit();
  }

  protected wait(waiter: Waiter<Operation>): void {
    this.inbox.awaitSubmit(waiter);
  }

  protected withdraw(waiter: Waiter<Operation>): void {
    this.inbox.waitsNoMore(waiter);
  }

  protected ending(): Error | undefined {
    return this.inbox.takenAway('submit');
  }

  protected left(unseen: Operation[]): void {
    this.inbox.putBack(unseen);
  }

  protected shown(operation: Operation): OperationContext {
    return operation;
  }
}
