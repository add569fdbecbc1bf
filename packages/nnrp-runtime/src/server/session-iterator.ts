import { isNnrpError } from 'nnrp-core';
import type { AsyncQueue, Waiter } from '../base/queues/async-queue.js';
import type { NnrpServerSession } from './contract/contract.js';
import { QueueIterator } from './inbox/queue-iterator.js';
import type { SessionCore } from './session/session-core.js';

/** What a loop over the sessions of a server needs of it. */
export interface SessionSource {
  /** Sessions that wait to be accepted. */
  readonly accepted: AsyncQueue<SessionCore>;
  /** What accepting is refused with; undefined while it is not. */
  refusal(): Error | undefined;
  /** Sessions that were not looked at, in order: the next caller gets them. */
  putBack(cores: SessionCore[]): void;
}

/** The sessions of a server one after the other, until it is closed. */
export class SessionIterator extends QueueIterator<SessionCore, NnrpServerSession> {
  constructor(private readonly source: SessionSource) {
    super();
  }

  protected take(): SessionCore | undefined {
    return this.source.accepted.tryTake();
  }

  protected wait(waiter: Waiter<SessionCore>): void {
    const refusal = this.source.refusal();
    if (refusal === undefined) this.source.accepted.wait(waiter);
    else waiter.reject(refusal);
  }

  protected withdraw(waiter: Waiter<SessionCore>): void {
    this.source.accepted.withdraw(waiter);
  }

  protected ending(reason: Error): Error | undefined {
    return isNnrpError(reason, 'NNRP_ERR_CLOSED') ? undefined : reason;
  }

  protected left(unseen: SessionCore[]): void {
    this.source.putBack(unseen);
  }

  protected shown(core: SessionCore): NnrpServerSession {
    return core.session;
  }
}
