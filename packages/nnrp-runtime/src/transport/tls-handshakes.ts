import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type NnrpError, TransportError } from 'nnrp-core';
import { Patience } from '../base/patience.js';
import { formatAddress } from './address.js';
import { describeTlsFailure } from './tls-failure.js';
import { TLS_ALPN, type TlsServerSettings } from './tls-options.js';

/** Handshakes under way at once; more connections are cut at once, so that a flood costs neither memory nor time. */
const MAX_HANDSHAKES = 1024;

interface Handshake {
  readonly connection: Socket;
  readonly patience: Patience;
}

/**
 * Handshakes of a server: each runs by itself, within a bounded time whatever the peer sends, and ends in exactly one
 * call, of `secured` or of `onHandshakeFailure`.
 */
export class TlsHandshakes {
  private readonly server: Server;
  /** By both ends' addresses: a TLS socket does not tell which connection it was made over. */
  private readonly underWay = new Map<string, Handshake>();
  private closed = false;

  /** @param secured - gets a connection whose handshake is complete; errors have a listener only if it adds one */
  constructor(
    private readonly settings: TlsServerSettings,
    private readonly secured: (socket: TLSSocket, remoteAddress: string) => void,
    private readonly limit: number = MAX_HANDSHAKES,
  ) {
    // It does not listen; connections are put in by hand, so that they can be counted and timed.
    this.server = createServer(settings.tls);
    this.server.on('secureConnection', (socket) => this.complete(socket));
    this.server.on('tlsClientError', (error, socket) => this.refused(error, socket));
  }

  /** Handshakes that have begun and not ended. */
  get size(): number {
    return this.underWay.size;
  }

  /** Begins the handshake on a connection that nobody has read from. */
  begin(connection: Socket): void {
    const { remoteAddress, remotePort } = connection;
    const ends = endsOf(connection);
    if (ends === undefined || remoteAddress === undefined || remotePort === undefined) {
      connection.destroy();
      this.report(new TransportError('a peer vanished before the handshake'));
      return;
    }
    if (this.closed || this.underWay.size >= this.limit) {
      connection.destroy();
      const address = formatAddress(remoteAddress, remotePort);
      this.report(new TransportError(`${address}: refused, because ${this.limit} TLS handshakes are under way`));
      return;
    }
    const handshake = {
      connection,
      // Not the timeout of the socket, which a peer prolongs with every byte.
      patience: new Patience({ crashed: () => connection.destroy() }, this.settings.handshakeTimeoutMs, () =>
        connection.destroy(),
      ),
    };
    this.underWay.set(ends, handshake);
    connection.once('close', () => this.end(ends, handshake));
    // A peer that ends its direction within the handshake is gone.
    connection.allowHalfOpen = false;
    this.server.emit('connection', connection);
  }

  /** Cuts the handshakes that are under way; nothing is reported of them. */
  close(): void {
    this.closed = true;
    for (const { connection } of [...this.underWay.values()]) connection.destroy();
  }

  private complete(socket: TLSSocket): void {
    const { remoteAddress, remotePort } = socket;
    const ends = endsOf(socket);
    const handshake = ends === undefined ? undefined : this.underWay.get(ends);
    // A peer that is gone by now has no address; its connection will close and be forgotten then.
    if (ends !== undefined && handshake !== undefined) this.end(ends, handshake);
    const address = formatAddress(remoteAddress ?? 'unknown', remotePort ?? 0);
    if (this.closed || (this.settings.requireAlpn && socket.alpnProtocol !== TLS_ALPN)) {
      socket.on('error', () => {});
      socket.destroy();
      this.report(new TransportError(`${address}: ALPN: the peer has not agreed on ${TLS_ALPN}`));
      return;
    }
    // From here on a peer may end its direction first, and still gets its answers.
    socket.allowHalfOpen = true;
    this.secured(socket, address);
  }

  private refused(error: Error, socket: TLSSocket): void {
    const { remoteAddress, remotePort } = socket;
    const who = remoteAddress === undefined ? 'a peer' : formatAddress(remoteAddress, remotePort ?? 0);
    // Node says ECONNRESET when it has refused the certificate itself, and when the connection ended in whatever way.
    const refusal = socket.authorizationError as unknown as string | null | undefined;
    const cut = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    const why =
      cut && !refusal
        ? `the handshake was not completed: the peer went, or took longer than ${this.settings.handshakeTimeoutMs} ms`
        : describeTlsFailure(error, refusal ?? undefined);
    this.report(new TransportError(`${who}: ${why}`, { cause: error }));
  }

  private end(ends: string, handshake: Handshake): void {
    handshake.patience.end();
    // A later connection may have come from the same port already.
    if (this.underWay.get(ends) === handshake) this.underWay.delete(ends);
  }

  /** What the application's function throws must not unwind a socket's event. */
  private report(error: NnrpError): void {
    if (!this.closed) process.nextTick(this.settings.onHandshakeFailure, error);
  }
}

function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress}`;
}
