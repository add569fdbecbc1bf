import { type Guarded, guard } from '../base/guard.js';
import { remoteAddressOf } from '../connection/transport-end.js';
import { addressGroup } from '../transport/address/address-group.js';
import type { AcceptFailure, FramedTransport } from '../transport/contract/contract.js';
import type { Acceptor } from './accepting.js';
import { ServerConnection } from './connection/server-connection.js';
import type { ServerConnectionOwner } from './connection/server-connection-owner.js';
import type { Admission } from './opening/admission.js';

/** What incoming connections need of the server. */
export interface IncomingOwner extends Guarded {
  isDraining(): boolean;
  acceptFailed(failure: AcceptFailure): void;
}

/** Makes a connection of each transport that has been accepted, as far as it is let in. */
export class IncomingConnections implements Acceptor {
  constructor(
    private readonly admission: Admission,
    private readonly connections: Set<ServerConnection>,
    /** Of each connection. */
    private readonly owner: ServerConnectionOwner<ServerConnection>,
    private readonly server: IncomingOwner,
  ) {}

  get isClosing(): boolean {
    return this.server.isDraining();
  }

  acceptFailed(failure: AcceptFailure): void {
    this.server.acceptFailed(failure);
  }

  crashed(error: unknown): void {
    this.server.crashed(error);
  }

  /** What fails here costs this connection; the next one is accepted all the same. */
  connected(transport: FramedTransport): boolean {
    const group = addressGroup(remoteAddressOf(transport));
    const reception = this.admission.receive(group);
    if (reception === 'shut out') {
      transport.abort();
      return false;
    }
    let connection: ServerConnection;
    try {
      connection = new ServerConnection(transport, this.owner, group, reception === 'turned away');
    } catch (error) {
      guard(this, () => transport.abort());
      throw error;
    }
    // Known before it starts: it may end at once.
    if (reception === 'taken') this.connections.add(connection);
    guard(connection, () => connection.start());
    return reception === 'taken';
  }
}
