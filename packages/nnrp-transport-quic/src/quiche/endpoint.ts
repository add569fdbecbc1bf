import type { RemoteInfo } from 'node:dgram';
import { TransportError } from 'nnrp-core';
import { crash, type Guarded } from 'nnrp-runtime/transport';
import { destinationKey } from './datagram.js';
import type { DatagramSink, UdpSocket } from './udp-socket.js';

/**
 * Connections that send in one turn. Sockets hold a few hundred small datagrams, on the way out and at the peer: what is
 * sent beyond that in one go is lost, and found missing only after a while.
 */
const MAX_FLUSHES = 64;

/** A connection as its endpoint sees it. */
export interface EndpointConnection extends Guarded {
  /** Marks of the endpoint: the connection waits for its turn. */
  readDue: boolean;
  flushDue: boolean;
  receive(datagram: Buffer, from: RemoteInfo): void;
  /** Takes what has come; its turn has been asked for with `readSoon`. */
  read(): void;
  /** Sends what waits; its turn has been asked for with `flushSoon`. */
  flush(): void;
  giveUpHandshake(error: Error): void;
  end(error?: Error): void;
}

/** What an endpoint leaves to its owner. */
export interface EndpointOwner {
  /** Whether the socket is kept, and keeps the process alive, without a connection on it. */
  readonly listens: boolean;
  /** A datagram that belongs to no connection. */
  newcomer(datagram: Buffer, from: RemoteInfo): void;
  /** An error of the socket, which goes on. */
  failed(error: NodeJS.ErrnoException): void;
  /** The socket is closed, and not by this end. */
  lost(): void;
}

/**
 * One UDP socket and the connections on it, told apart by the connection ids of their packets.
 *
 * What the datagrams of one turn of the event loop bring is read in one go, and what is answered in that turn leaves
 * together with the acknowledgements: one packet instead of several.
 */
export class Endpoint implements DatagramSink {
  private readonly routes = new Map<string, EndpointConnection>();
  private readonly connections = new Set<EndpointConnection>();
  private toRead: EndpointConnection[] = [];
  private toFlush: EndpointConnection[] = [];
  private readScheduled = false;
  private flushScheduled = false;
  /** Connections that are more than waiting for late packets. */
  private busy = 0;
  private listens: boolean;
  private closed = false;

  constructor(
    readonly socket: UdpSocket,
    private readonly owner: EndpointOwner,
  ) {
    this.listens = owner.listens;
    socket.sink = this;
    socket.keepAlive(this.listens);
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Connections that are not over, those included that wait for late packets. */
  get size(): number {
    return this.connections.size;
  }

  /** Connection ids that lead to a connection; one may have several. */
  get routeCount(): number {
    return this.routes.size;
  }

  datagram(bytes: Buffer, from: RemoteInfo): void {
    const key = destinationKey(bytes);
    if (key === undefined) return;
    const connection = this.routes.get(key);
    if (connection === undefined) this.owner.newcomer(bytes, from);
    else this.deliver(connection, bytes, from);
  }

  failed(error: NodeJS.ErrnoException): void {
    this.owner.failed(error);
  }

  lost(): void {
    this.endAll(new TransportError('the UDP socket was closed'));
    this.owner.lost();
  }

  /** What one connection throws costs that connection; the others get their turn. */
  private deliver(connection: EndpointConnection, bytes: Buffer, from: RemoteInfo): void {
    try {
      connection.receive(bytes, from);
    } catch (error) {
      crash(connection, error);
    }
  }

  add(connection: EndpointConnection): void {
    this.connections.add(connection);
    this.busy++;
    this.socket.keepAlive(true);
  }

  /** The connection only waits for late packets from now on. */
  retire(): void {
    if (--this.busy === 0 && !this.listens) this.socket.keepAlive(false);
  }

  route(key: string, connection: EndpointConnection): void {
    this.routes.set(key, connection);
  }

  unroute(key: string): void {
    this.routes.delete(key);
  }

  isRouted(key: string): boolean {
    return this.routes.has(key);
  }

  remove(connection: EndpointConnection): void {
    this.connections.delete(connection);
    this.closeIfUnused();
  }

  /** No new peer is taken, and no handshake goes on; the socket closes with its last connection. */
  stopListening(reason: Error): void {
    this.listens = false;
    for (const connection of [...this.connections]) connection.giveUpHandshake(reason);
    if (this.busy === 0) this.socket.keepAlive(false);
    this.closeIfUnused();
  }

  /** Ends every connection. */
  endAll(error: Error): void {
    for (const connection of [...this.connections]) connection.end(error);
  }

  readSoon(connection: EndpointConnection): void {
    if (connection.readDue) return;
    connection.readDue = true;
    this.toRead.push(connection);
    if (this.readScheduled) return;
    this.readScheduled = true;
    setImmediate(this.readAll);
    // In the same phase of the loop, but after the answers that are ready at once.
    this.scheduleFlush();
  }

  flushSoon(connection: EndpointConnection): void {
    if (connection.flushDue) return;
    connection.flushDue = true;
    this.toFlush.push(connection);
    this.scheduleFlush();
  }

  private scheduleFlush(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    setImmediate(this.flushAll);
  }

  private readonly readAll = (): void => {
    this.readScheduled = false;
    const connections = this.toRead;
    this.toRead = [];
    for (const connection of connections) {
      connection.readDue = false;
      try {
        connection.read();
      } catch (error) {
        crash(connection, error);
      }
    }
  };

  private readonly flushAll = (): void => {
    this.flushScheduled = false;
    const connections = this.toFlush;
    this.toFlush = connections.length > MAX_FLUSHES ? connections.splice(MAX_FLUSHES) : [];
    for (const connection of connections) {
      connection.flushDue = false;
      try {
        connection.flush();
      } catch (error) {
        crash(connection, error);
      }
    }
    if (this.toFlush.length > 0) this.scheduleFlush();
  };

  /** Closes the socket if it is not needed. */
  closeIfUnused(): void {
    if (this.listens || this.closed || this.connections.size > 0) return;
    this.closed = true;
    this.socket.close();
  }
}
