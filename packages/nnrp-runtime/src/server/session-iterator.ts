import { isNnrpError } from 'nnrp-core';
import type { AsyncQueue, Waiter } from '../base/queues/async-queue.js';
import type { NnrpServerSession } from './contract/contract.js';
import { QueueIterator } from './inbox/queue-iterator.js';
import type { ServerSession } from './session/server-session.js';

/** What a loop over the sessions of a server needs of it. */
export interface SessionSource {
  /** Sessions that wait to be accepted. */
  readonly accepted: AsyncQueue<ServerSession>;
  /** What accepting is refused with; undefined while it is not. */
  acceptError(): Error | undefined;
  /** Sessions that no loop has looked at, in order: the next loop gets them. */
  putBack(sessions: ServerSession[]): void;
}

/** The sessions of a server one after the other, until it is closed. */
export class SessionIterator extends QueueIterator<ServerSession, NnrpServerSession> {
  constructor(private readonly source: SessionSource) {
    super();
  }

  protected take(): ServerSession | undefined {
    return this.source.accepted.tryTake();
  }

  protected wait(waiter: Waiter<ServerSession>): void {
    const error = this.source.acceptError();
    if (error === undefined) this.source.accepted.wait(waiter);
    else waiter.reject(error);
  }

  protected withdraw(waiter: Waiter<ServerSession>): void {
    this.source.accepted.withdraw(waiter);
  }

  protected ending(reason: Error): Error | undefined {
    return isNnrpError(reason, 'NNRP_ERR_CLOSED') ? undefined : reason;
  }

  protected left(unseen: ServerSession[]): void {
    this.source.putBack(unseen);
  }

  protected shown(session: ServerSession): NnrpServerSession {
    return session.handle;
  }
}
