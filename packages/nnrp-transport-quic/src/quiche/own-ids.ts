import { randomBytes } from 'node:crypto';
import type { QuicheConnection } from './binding.js';
import { ID_BYTES, idKey } from './datagram.js';
import type { DrivenConnection } from './driven-connection.js';
import type { Endpoint } from './endpoint.js';

/** The ids by which the peer names a connection. */
export class OwnIds {
  private readonly keys: string[] = [];

  constructor(
    private readonly endpoint: Endpoint,
    private readonly connection: QuicheConnection,
    private readonly driven: DrivenConnection,
  ) {}

  /** Packets for this id are for this connection from now on. */
  add(id: Uint8Array): void {
    const key = idKey(id);
    this.keys.push(key);
    this.endpoint.route(key, this.driven);
  }

  /**
   * Gives the peer ids to spare. With one of them, a server can follow when a router on the way gives the client another
   * address: each way needs an id of its own, and keeps it.
   */
  offerSpares(): void {
    for (let left = this.connection.sourceCidsLeft(); left > 0; left--) {
      const id = randomBytes(ID_BYTES);
      this.connection.newSourceCid(id, randomBytes(16).readBigUInt64LE(0), false);
      this.add(id);
    }
  }

  /** The connection is gone. */
  clear(): void {
    for (const key of this.keys.splice(0)) this.endpoint.unroute(key);
  }
}
