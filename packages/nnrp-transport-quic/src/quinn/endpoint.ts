import type { RemoteInfo } from 'node:dgram';
import { TransportError } from 'nnrp-core';
import { crash, type Guarded, nextTurn } from 'nnrp-runtime/transport';
import { addressWords } from '../module/address-words.js';
import { NEWCOMER } from '../module/module-facts.js';
import type { QuinnModule } from '../module/quinn-module.js';
import { firstPackets } from '../udp/coalesced-packets.js';
import { MIN_BYTES } from '../udp/datagram.js';
import type { DatagramSink, UdpSocket } from '../udp/udp-socket.js';

/**
 * Connections that send in one turn. Sockets hold a few hundred small datagrams, on the way out and at the peer: what is
 * sent beyond that in one go is lost, and found missing only after a while.
 */
const MAX_FLUSHES = 64;

/** A connection as its endpoint sees it. */
export interface EndpointConnection extends Guarded {
  /** Its number in the module. */
  readonly index: number;
  /** Marks of the endpoint: the connection waits for its turn. */
  readDue: boolean;
  flushDue: boolean;
  received(datagram: Buffer, from: RemoteInfo): void;
  /** Takes what has come; its turn has been asked for with `readSoon`. */
  read(): void;
  /** Sends what waits; its turn has been asked for with `flushSoon`. */
  flush(): void;
  giveUpHandshake(error: Error): void;
  /** The system says that nothing listens at the other end. @param error - what the connection ends with if that is so */
  refused(error: Error): void;
  end(error?: Error): void;
}

/** What an endpoint leaves to its owner. */
export interface EndpointOwner {
  /** Whether the socket is kept, and keeps the process alive, without a connection on it. */
  readonly listens: boolean;
  /** A stranger wants a connection. The module has its first datagram, and waits for a decision in this call. */
  newcomer(datagram: Buffer, from: RemoteInfo): void;
  /**
   * The module has failed, and its connections are over.
   * @returns another one for the same socket; undefined when there is nothing to go on with
   */
  renewModule(failure: Error): QuinnModule | undefined;
  /** An error of the socket, which goes on. */
  failed(error: NodeJS.ErrnoException): void;
  /** The socket is closed, and not by this end. */
  lost(): void;
  /** The last connection is over, and the socket closed because of it. */
  unused(): void;
}

/**
 * One UDP socket and the connections on it, which one instance of the module tells apart.
 *
 * What the datagrams of one turn of the event loop bring is read in one go, and what is answered in that turn leaves
 * together with the acknowledgements: one packet instead of several.
 */
export class Endpoint implements DatagramSink, Guarded {
  private readonly connections = new Map<number, EndpointConnection>();
  private toRead: EndpointConnection[] = [];
  private toFlush: EndpointConnection[] = [];
  private readScheduled = false;
  private flushScheduled = false;
  /** Connections that are more than waiting for late packets. */
  private busy = 0;
  private listens: boolean;
  private closed = false;
  private doubted = false;

  constructor(
    private current: QuinnModule,
    readonly socket: UdpSocket,
    private readonly owner: EndpointOwner,
  ) {
    this.listens = owner.listens;
    this.adopt(current);
    socket.sink = this;
    socket.keepAlive(this.listens);
  }

  /** @internal The socket is of no use without what has thrown. */
  crashed(error: unknown): void {
    this.endAll(new TransportError('an internal error ended the connection', { cause: error }));
  }

  /** The instance that has the connections. */
  get module(): QuinnModule {
    return this.current;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Whether it is there for late packets alone: each of its connections is over but for those. */
  get onlyWaits(): boolean {
    return !this.closed && this.busy === 0;
  }

  /** Whether a connection on it was given up, by either end's clock or by this end's application. */
  get isDoubtful(): boolean {
    return this.doubted;
  }

  /** See {@link isDoubtful}. */
  doubt(): void {
    this.doubted = true;
  }

  /** Connections that are not over, those included that wait for late packets. */
  get size(): number {
    return this.connections.size;
  }

  datagram(bytes: Buffer, from: RemoteInfo): void {
    const { current: module } = this;
    // Nothing can be sent to port 0, and only attackers send from it.
    if (bytes.length < MIN_BYTES || from.port === 0 || module.failure !== undefined) return;
    const index = module.receive(firstPackets(bytes), addressWords(from.address), from.port);
    if (index === NEWCOMER) this.owner.newcomer(bytes, from);
    else if (index >= 0) this.deliver(index, bytes, from);
    else this.answer(module.answerBytes, from);
  }

  /** Sends so many bytes that the module has made. */
  answer(bytes: number, { address, port }: RemoteInfo): void {
    if (bytes === 0) return;
    this.current.copy(this.socket.out, 0, bytes);
    this.socket.send(bytes, port, address);
  }

  failed(error: NodeJS.ErrnoException): void {
    this.owner.failed(error);
  }

  lost(): void {
    this.endAll(new TransportError('the UDP socket was closed'));
    this.owner.lost();
  }

  /** What one connection throws costs that connection; the others get their turn. */
  private deliver(index: number, bytes: Buffer, from: RemoteInfo): void {
    const connection = this.connections.get(index);
    if (connection === undefined) return;
    try {
      connection.received(bytes, from);
      this.readSoon(connection);
    } catch (error) {
      crash(connection, error);
    }
  }

  /** In the next turn: now, a call into the module may be under way. */
  private adopt(module: QuinnModule): void {
    module.onFailure = (failure) => nextTurn(this, () => this.recover(failure));
  }

  /** Other sockets have instances of their own and are not concerned. */
  private recover(failure: Error): void {
    this.endAll(new TransportError(`QUIC has failed inside: ${failure.message}`, { cause: failure }));
    if (this.closed) return;
    const renewed = this.owner.renewModule(failure);
    if (renewed === undefined) return;
    this.current = renewed;
    this.adopt(renewed);
  }

  add(connection: EndpointConnection): void {
    this.connections.set(connection.index, connection);
    this.busy++;
    this.socket.keepAlive(true);
  }

  /** The connection only waits for late packets from now on. */
  retire(): void {
    if (--this.busy === 0 && !this.listens) this.socket.keepAlive(false);
  }

  remove(connection: EndpointConnection): void {
    const { index } = connection;
    if (this.connections.get(index) === connection) {
      this.connections.delete(index);
      this.current.forget(index);
    }
    this.closeIfUnused();
  }

  /** No new peer is taken, and no handshake goes on; the socket closes with its last connection. */
  stopListening(reason: Error): void {
    this.listens = false;
    for (const connection of [...this.connections.values()]) connection.giveUpHandshake(reason);
    if (this.busy === 0) this.socket.keepAlive(false);
    this.closeIfUnused();
  }

  /** The system says that nothing listens at the other end. */
  refuseAll(error: Error): void {
    for (const connection of [...this.connections.values()]) connection.refused(error);
  }

  /** Ends every connection. */
  endAll(error: Error): void {
    for (const connection of [...this.connections.values()]) connection.end(error);
  }

  readSoon(connection: EndpointConnection): void {
    if (connection.readDue) return;
    connection.readDue = true;
    this.toRead.push(connection);
    if (this.readScheduled) return;
    this.readScheduled = true;
    nextTurn(this, this.readAll);
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
    nextTurn(this, this.flushAll);
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
    this.owner.unused();
  }
}
