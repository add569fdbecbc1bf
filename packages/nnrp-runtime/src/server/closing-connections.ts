/** A connection that is over, but whose transport is not. */
interface Closing {
  /** Ends the transport at once. */
  cut(): void;
}

/** Connections that are being closed, the oldest first: they hold a socket, so they count until it is gone. */
export class ClosingConnections<Connection extends Closing> {
  private readonly connections = new Set<Connection>();

  get size(): number {
    return this.connections.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.connections[Symbol.iterator]();
  }

  add(connection: Connection): void {
    this.connections.add(connection);
  }

  delete(connection: Connection): void {
    this.connections.delete(connection);
  }

  /** Makes room: the one that has had most time to say goodbye is cut. @returns whether there was one */
  cutOldest(): boolean {
    for (const connection of this.connections) {
      this.connections.delete(connection);
      connection.cut();
      return true;
    }
    return false;
  }
}
