import { ConnectionShare } from './connection-share.js';

/** What each connection has of the places for handlers, for as long as the connection lives. */
export class ConnectionShares {
  private readonly shares = new WeakMap<object, ConnectionShare>();

  of(connection: object): ConnectionShare {
    let share = this.shares.get(connection);
    if (share === undefined) {
      share = new ConnectionShare();
      this.shares.set(connection, share);
    }
    return share;
  }

  /** Of these connections, as far as they have or had a session. */
  *ofAll(connections: Iterable<object>): Iterable<ConnectionShare> {
    for (const connection of connections) {
      const share = this.shares.get(connection);
      if (share !== undefined) yield share;
    }
  }
}
