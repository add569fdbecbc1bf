import type { UsageError } from 'nnrp-core';
import type { AsyncQueue, Waiter } from '../../base/queues/async-queue.js';
import type { ServerSessionEvent } from '../contract/server-messages.js';
import { QueueIterator } from './queue-iterator.js';

/** What a loop over all messages of a session needs of its inbox. */
export interface EventsOwner {
  /** The application has this one now, which has waited. */
  eventTaken(event: ServerSessionEvent): void;
  /** The loop is over. Events that it has not given out, or that were not looked at, go back. */
  eventsLeft(everything: AsyncQueue<ServerSessionEvent>, unseen: ServerSessionEvent[]): void;
}

/** The messages of a session one after the other, of every kind; it ends quietly with the session. */
export class SessionEventIterator extends QueueIterator<ServerSessionEvent, ServerSessionEvent> {
  /** @param refusal - another reader takes the messages: the loop throws this */
  constructor(
    private readonly owner: EventsOwner,
    private readonly everything: AsyncQueue<ServerSessionEvent>,
    private readonly refusal: UsageError | undefined,
  ) {
    super();
  }

  protected take(): ServerSessionEvent | undefined {
    const event = this.everything.tryTake();
    if (event !== undefined) this.owner.eventTaken(event);
    return event;
  }

  protected wait(waiter: Waiter<ServerSessionEvent>): void {
    if (this.refusal === undefined) this.everything.wait(waiter);
    else waiter.reject(this.refusal);
  }

  protected withdraw(waiter: Waiter<ServerSessionEvent>): void {
    this.everything.withdraw(waiter);
  }

  protected ending(): Error | undefined {
    return this.refusal;
  }

  protected left(unseen: ServerSessionEvent[]): void {
    this.owner.eventsLeft(this.everything, unseen);
  }

  protected shown(event: ServerSessionEvent): ServerSessionEvent {
    return event;
  }
}
