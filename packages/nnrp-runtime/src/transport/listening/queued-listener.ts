import type { AcceptFailure, FramedTransport, ListenerBound, ListenerBoundName } from '../contract/contract.js';
import { AcceptQueue } from './accept-queue.js';

/** What listeners have in common whose connections wait in a queue to be accepted. */
export abstract class QueuedListener {
  protected readonly waiting: AcceptQueue;

  protected constructor(readonly address: string) {
    this.waiting = new AcceptQueue(address);
  }

  accept(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  set onAcceptFailed(told: ((failure: AcceptFailure) => void) | undefined) {
    this.waiting.onFailure = told;
  }

  get bounds(): readonly ListenerBound[] {
    return [this.waiting.bound];
  }

  set onBoundHit(told: ((name: ListenerBoundName) => void) | undefined) {
    this.waiting.onBoundHit = told;
  }
}
