import type { Socket } from 'node:net';
import { LinkedQueue, type Place } from '../../base/queues/linked-queue.js';

interface Waiting {
  readonly group: string | undefined;
  readonly begin: () => void;
  readonly place: Place<Socket>;
  readonly placeOfGroup: Place<Socket>;
}

/**
 * Connections that are yet to begin, by address. The addresses take turns, and the newest of one comes first, so that
 * one of an honest peer stands behind nothing that a flood has left. Each step takes the same time, however many there are.
 */
export class WaitingConnections {
  private readonly known = new Map<Socket, Waiting>();
  private readonly everything = new LinkedQueue<Socket>();
  /** In the order of their turns. */
  private readonly byGroup = new Map<string | undefined, LinkedQueue<Socket>>();

  get size(): number {
    return this.known.size;
  }

  /** The addresses of which some wait, whose turn it is first. */
  get groups(): Iterable<string | undefined> {
    return this.byGroup.keys();
  }

  [Symbol.iterator](): Iterator<Socket> {
    return this.known.keys();
  }

  /**
   * It waits no more, and all other addresses have their turn before this one has the next.
   * @returns what begins it
   */
  takeNewestOf(group: string | undefined): (() => void) | undefined {
    const ofGroup = this.byGroup.get(group);
    const connection = ofGroup?.newest;
    if (ofGroup === undefined || connection === undefined) return undefined;
    const begin = this.known.get(connection)?.begin;
    this.delete(connection);
    if (this.byGroup.delete(group)) this.byGroup.set(group, ofGroup);
    return begin;
  }

  /** The one to be cut for one more of the address: an address that has more than its share pays with its own. */
  nextToGoFor(group: string | undefined): Socket | undefined {
    const ofGroup = this.byGroup.get(group);
    const hasItsShare = ofGroup !== undefined && ofGroup.size * this.byGroup.size >= this.known.size;
    return hasItsShare ? ofGroup.oldest : this.everything.oldest;
  }

  add(connection: Socket, group: string | undefined, begin: () => void): void {
    let ofGroup = this.byGroup.get(group);
    if (ofGroup === undefined) {
      ofGroup = new LinkedQueue();
      this.byGroup.set(group, ofGroup);
    }
    const place = this.everything.push(connection);
    this.known.set(connection, { group, begin, place, placeOfGroup: ofGroup.push(connection) });
  }

  /** @returns whether it has waited; otherwise nothing happens */
  delete(connection: Socket): boolean {
    const waiting = this.known.get(connection);
    if (waiting === undefined) return false;
    const { group, place, placeOfGroup } = waiting;
    this.known.delete(connection);
    this.everything.remove(place);
    const ofGroup = this.byGroup.get(group);
    ofGroup?.remove(placeOfGroup);
    if (ofGroup?.size === 0) this.byGroup.delete(group);
    return true;
  }
}
