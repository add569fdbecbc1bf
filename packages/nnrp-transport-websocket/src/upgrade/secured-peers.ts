import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Guarded, listen, RecordWatch } from 'nnrp-runtime/transport';
import { endsOf, type PeerName } from './waiting-peers.js';

/** Finds what a socket of TLS was made over, which it does not tell, so that floods of records without data are seen. */
export class SecuredPeers {
  private readonly underWay = new Map<PeerName, Socket>();
  private readonly records: RecordWatch;

  constructor(private readonly owner: Guarded) {
    this.records = new RecordWatch(owner);
  }

  /** A connection of which nothing has been read. */
  begin(connection: Socket): void {
    const ends = endsOf(connection);
    this.underWay.set(ends, connection);
    listen(this.owner, connection, 'close', () => {
      // A later connection may have come from the same port already.
      if (this.underWay.get(ends) === connection) this.underWay.delete(ends);
    });
  }

  secured(socket: TLSSocket): void {
    const ends = endsOf(socket);
    const connection = this.underWay.get(ends);
    if (connection === undefined) return;
    this.underWay.delete(ends);
    this.records.add(connection, socket);
  }
}
