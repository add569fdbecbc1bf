import { ConnectionShare } from './connection-share.js';

/** What each connection has of the places for handlers, for as long as it or a session that began on it lives. */
export class ConnectionShares {
  private readonly shares = new WeakMap<object, ConnectionShare>();

  /** @param origin - what stands for the connection, also after its end */
  of(origin: object): ConnectionShare {
    let share = this.shares.get(origin);
    if (share === undefined) {
      share = new ConnectionShare();
      this.shares.set(origin, share);
    }
    return share;
  }

  /** Of these connections, as far as they have or had a session. */
  *ofAll(connections: Iterable<{ readonly origin: object }>): Iterable<ConnectionShare> {
    for (const { origin } of connections) {
      const share = this.shares.get(origin);
      if (share !== undefined) yield share;
    }
  }
}
