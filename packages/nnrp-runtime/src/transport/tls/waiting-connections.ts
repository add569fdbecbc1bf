import type { Socket } from 'node:net';
import { LinkedQueue, type Place } from '../../base/queues/linked-queue.js';

interface Waiting {
  readonly group: string | undefined;
  readonly sinceMs: number;
  readonly place: Place<Socket>;
  readonly placeOfGroup: Place<Socket>;
}

/**
 * Connections whose handshake is yet to begin, by address: the newest comes first, so that one of an honest peer does not stand
 * behind all that a flood has left. Each step takes the same time, however many there are.
 */
export class WaitingConnections {
  private readonly known = new Map<Socket, Waiting>();
  private readonly everything = new LinkedQueue<Socket>();
  private readonly byGroup = new Map<string | undefined, LinkedQueue<Socket>>();

  get size(): number {
    return this.known.size;
  }

  /** The addresses of which some wait. */
  get groups(): Iterable<string | undefined> {
    return this.byGroup.keys();
  }

  get oldest(): Socket | undefined {
    return this.everything.oldest;
  }

  /** When it came, by `performance.now()`. */
  sinceMs(connection: Socket): number {
    return this.known.get(connection)?.sinceMs ?? 0;
  }

  groupOf(connection: Socket): string | undefined {
    return this.known.get(connection)?.group;
  }

  newestOf(group: string | undefined): Socket | undefined {
    return this.byGroup.get(group)?.newest;
  }

  add(connection: Socket, group: string | undefined): void {
    let ofGroup = this.byGroup.get(group);
    if (ofGroup === undefined) {
      ofGroup = new LinkedQueue();
      this.byGroup.set(group, ofGroup);
    }
    const place = this.everything.push(connection);
    this.known.set(connection, { group, sinceMs: performance.now(), place, placeOfGroup: ofGroup.push(connection) });
  }

  /** Nothing happens when it does not wait. */
  delete(connection: Socket): void {
    const waiting = this.known.get(connection);
    if (waiting === undefined) return;
    const { group, place, placeOfGroup } = waiting;
    this.known.delete(connection);
    this.everything.remove(place);
    const ofGroup = this.byGroup.get(group);
    ofGroup?.remove(placeOfGroup);
    if (ofGroup?.size === 0) this.byGroup.delete(group);
  }
}
