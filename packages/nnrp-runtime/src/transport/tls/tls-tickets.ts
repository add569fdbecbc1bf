import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type Guarded, listen } from '../../base/guard.js';

/** How often a ticket is offered. A connection that gets no further may have lost its network, or stumbled over the ticket. */
const MAX_OFFERS = 2;

/**
 * What the connections of a connector go on with: the latest session of TLS of the same server, so that a client that comes
 * back makes and checks no signature again, nor does its server. A server that no longer knows the session, as after a
 * renewal, makes a whole handshake. Belongs to one set of options: others might not trust the server's certificate.
 */
export class TlsTickets {
  #ticket: Buffer | undefined;
  #offers = 0;
  /** That of the handshake in which the session began: one that is gone on with shows none. */
  private certificate: X509Certificate | undefined;

  /** A session to go on with, for node:tls; undefined when there is none. */
  next(): Buffer | undefined {
    const ticket = this.#ticket;
    this.#offers++;
    if (this.#offers === MAX_OFFERS) this.#ticket = undefined;
    return ticket;
  }

  /** Keeps what the server gives from now on. To be called before the handshake. */
  keepOf(socket: TLSSocket, owner: Guarded): void {
    listen(owner, socket, 'session', (ticket: Buffer) => {
      this.#ticket = ticket;
      this.#offers = 0;
    });
  }

  /**
   * The certificate of the server. To be called once for a connection, when the handshake is complete: Node takes the
   * certificate off the list that it reads it from, so that it gives the issuer's the next time, or none.
   */
  certificateOf(socket: TLSSocket): X509Certificate | undefined {
    const shown = socket.getPeerX509Certificate();
    if (shown !== undefined) this.certificate = shown;
    return shown ?? (socket.isSessionReused() ? this.certificate : undefined);
  }
}
