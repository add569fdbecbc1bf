import { LinkedQueue, type Place } from '../base/queues/linked-queue.js';

/** A connection that is over, but whose transport is not. */
interface Closing {
  /** Ends the transport at once. */
  cut(): void;
}

/** Connections that are being closed, the oldest first: they hold a socket, so they count until it is gone. */
export class ClosingConnections<Connection extends Closing> {
  private readonly connections = new Map<Connection, Place<Connection>>();
  private readonly byAge = new LinkedQueue<Connection>();

  get size(): number {
    return this.connections.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.connections.keys();
  }

  add(connection: Connection): void {
    if (!this.connections.has(connection)) this.connections.set(connection, this.byAge.push(connection));
  }

  delete(connection: Connection): void {
    const place = this.connections.get(connection);
    if (place === undefined) return;
    this.connections.delete(connection);
    this.byAge.remove(place);
  }

  /** Makes room: the one that has had most time to say goodbye is cut. @returns whether there was one */
  cutOldest(): boolean {
    const { oldest } = this.byAge;
    if (oldest === undefined) return false;
    this.delete(oldest);
    oldest.cut();
    return true;
  }
}
