import { ClosedError, type NnrpError, TransportError } from 'nnrp-core';
import { AsyncQueue } from '../../base/queues/async-queue.js';
import type { AcceptFailure, FramedTransport, ListenerBound, ListenerBoundName } from '../contract/contract.js';
import { AcceptFailures, listenerError } from './accept-failures.js';

/** Connections that wait for `accept`; more are cut at once, so that a flood costs no memory. */
const MAX_WAITING = 1024;

/** The connections of a listener that are not accepted yet. */
export class AcceptQueue {
  /** Told of connections that could not be taken while the listener goes on; at most once a second. */
  onFailure: ((failure: AcceptFailure) => void) | undefined;
  /** Told of each connection that was one too many. */
  onBoundHit: ((name: ListenerBoundName) => void) | undefined;
  private readonly waiting = new AsyncQueue<FramedTransport>();
  private readonly failures = new AcceptFailures();

  /** @param address - of the listener, for messages; to be set anew when it is known */
  constructor(public address: string) {}

  /** For the stats of a server. */
  get bound(): ListenerBound {
    return { name: 'acceptQueue', scope: 'server', bound: MAX_WAITING, value: () => this.waiting.size };
  }

  /** Hands over a connection that is ready; one too many, or one that comes after the end, is aborted. */
  add(connection: FramedTransport): void {
    if (this.waiting.ended) connection.abort();
    else if (this.waiting.size >= MAX_WAITING) {
      connection.abort(new TransportError('too many wait to be accepted'));
      this.onBoundHit?.('acceptQueue');
    } else this.waiting.push(connection);
  }

  /** The next connection. Rejects once the queue has failed or is closed, and empty. */
  next(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  /** A connection could not be taken; others can. */
  missed(error: Error): void {
    if (this.waiting.ended) return;
    this.failures.add(this.address, error, (failure) => this.onFailure?.(failure));
  }

  /** Nothing more will come, because of this. */
  fail(error: Error): void {
    this.waiting.end(listenerError(this.address, error));
  }

  /** Accepts no more connections; those that wait are aborted. */
  close(reason: NnrpError = new ClosedError(`listener ${this.address} is closed`)): void {
    for (const connection of this.waiting.drain()) connection.abort();
    this.waiting.end(reason);
  }
}
