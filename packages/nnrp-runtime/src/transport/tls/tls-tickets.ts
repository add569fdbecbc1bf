import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type Guarded, listen } from '../../base/guard.js';
import { hasExpired } from './tls-credentials.js';

/**
 * How often a ticket is offered that the server does not take. A connection that gets no further may have lost its network, or
 * stumbled over the ticket.
 */
const MAX_OFFERS = 2;

interface Ticket {
  readonly session: Buffer;
  /** That of the handshake in which the session began: one that is gone on with shows none. */
  readonly certificate: X509Certificate | undefined;
}

/** A connection that goes on with a session, where there was one. */
export interface ResumingSocket {
  readonly socket: TLSSocket;
  readonly offered: Ticket | undefined;
  /** Whether the handshake is complete. */
  readonly isSecured: boolean;
  /** That of the server, from then on. */
  readonly certificate: X509Certificate | undefined;
}

/**
 * What the connections of a connector go on with: the latest session of TLS of the same server, so that a client that comes
 * back makes and checks no signature again, nor does its server. A server that no longer knows the session, as after a
 * renewal, makes a whole handshake. Belongs to one set of options: others might not trust the server's certificate.
 */
export class TlsTickets {
  #ticket: Ticket | undefined;
  #offers = 0;
  #isOff = false;

  /** Begins a handshake by `connect`, which hands the session on to node:tls, and keeps what the server gives from now on. */
  use(owner: Guarded, connect: (session: Buffer | undefined) => TLSSocket): ResumingSocket {
    const offered = this.next();
    const socket = connect(offered?.session);
    const used: { -readonly [Key in keyof ResumingSocket]: ResumingSocket[Key] } = {
      socket,
      offered,
      isSecured: false,
      certificate: undefined,
    };
    let isTaken = false;
    listen(owner, socket, 'secureConnect', () => {
      used.isSecured = true;
      isTaken = socket.isSessionReused();
      // To be read once: Node takes the certificate off the list that it reads it from, so that it gives the issuer's then.
      used.certificate = isTaken ? offered?.certificate : socket.getPeerX509Certificate();
      // Servers of Node.js, for one, give no other ticket for one that they have taken.
      if (isTaken) this.keep(this.#ticket ?? offered);
    });
    listen(owner, socket, 'close', () => {
      // The server may have stumbled after its part of the handshake was done.
      if (isTaken && socket.readableDidRead === false) this.#ticket = undefined;
    });
    listen(owner, socket, 'session', (session: Buffer) => {
      this.keep({ session, certificate: used.certificate });
    });
    return used;
  }

  /**
   * Whether a handshake has failed in which a session was offered: some servers answer one that they cannot go on with by an
   * alert, and take a whole handshake. None is offered to them any more.
   */
  stumbled({ offered, isSecured }: ResumingSocket, error: Error): boolean {
    const { code } = error as NodeJS.ErrnoException;
    if (offered === undefined || isSecured || !code?.startsWith('ERR_SSL_')) return false;
    this.#isOff = true;
    return true;
  }

  private keep(ticket: Ticket | undefined): void {
    this.#ticket = ticket;
    this.#offers = 0;
  }

  private next(): Ticket | undefined {
    const ticket = this.#ticket;
    this.#offers++;
    if (this.#offers === MAX_OFFERS) this.#ticket = undefined;
    // A session goes on with what was found when it began: nothing else looks at the certificate again.
    return this.#isOff || hasExpired(ticket?.certificate) ? undefined : ticket;
  }
}
