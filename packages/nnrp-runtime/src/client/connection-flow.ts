import { type FlowOutcome, FlowScope } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';

/** A session whose submits may have to wait for room on the connection. */
export interface RoomWaiter {
  /** Whether it stands in the line; kept by the line alone. */
  awaitsRoom: boolean;
  /** Starts the first submit that waits, if it may start. */
  startNext(): 'started' | 'blocked' | 'idle';
}

/** Flow control over all sessions of a connection: what the server has said about it, and whose turn it is. */
export class ConnectionFlow {
  readonly scope = new FlowScope();
  /** Operations in flight, over all sessions. */
  inFlight = 0;
  private updated = false;
  /** In the order in which they are served; some may have nothing that waits any more. */
  private line = new Set<RoomWaiter>();

  /** FLOW_UPDATE of connection scope. */
  update(update: preview3.FlowUpdate): FlowOutcome {
    const outcome = this.scope.apply(update, performance.now());
    if (outcome === 'applied') {
      this.updated = true;
      this.serveAll();
    }
    return outcome;
  }

  /** Serves this one, too, whenever there is room. */
  awaitRoom(waiter: RoomWaiter): void {
    if (waiter.awaitsRoom) return;
    waiter.awaitsRoom = true;
    this.line.add(waiter);
  }

  forget(waiter: RoomWaiter): void {
    if (!waiter.awaitsRoom) return;
    waiter.awaitsRoom = false;
    this.line.delete(waiter);
  }

  /** An operation of this session is over. */
  finished(waiter: RoomWaiter): void {
    this.inFlight--;
    if (this.line.size === 0) return;
    // As long as the server has limited sessions only, this one alone can have been waiting for it.
    if (this.updated) this.serveAll();
    else this.serve(waiter);
  }

  /** Starts what may start of one session. */
  serve(waiter: RoomWaiter): void {
    while (waiter.startNext() === 'started');
  }

  /** Starts what may start, one of each session in turn; those who were served last come last the next time. */
  serveAll(): void {
    let round: Iterable<RoomWaiter> = this.line;
    this.line = new Set();
    const blocked: RoomWaiter[] = [];
    for (;;) {
      const served: RoomWaiter[] = [];
      for (const waiter of round) {
        const outcome = waiter.awaitsRoom ? waiter.startNext() : 'idle';
        if (outcome === 'started') served.push(waiter);
        else if (outcome === 'blocked') blocked.push(waiter);
        else waiter.awaitsRoom = false;
      }
      if (served.length === 0) break;
      round = served;
    }
    this.line = new Set([...blocked.filter(({ awaitsRoom }) => awaitsRoom), ...this.line]);
  }
}
