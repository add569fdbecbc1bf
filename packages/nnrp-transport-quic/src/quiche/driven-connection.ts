import type { RemoteInfo } from 'node:dgram';
import { TimeoutError, TransportError } from 'nnrp-core';
import { formatAddress, type HostPort } from 'nnrp-runtime/transport';
import { applicationCode, CLOSED_IN_ORDER, describeClose } from '../close-codes.js';
import type { ConnectionSettings } from '../engine.js';
import type { QuicheConnection, QuicheHost } from './binding.js';
import { firstPacketBytes } from './coalesced-packets.js';
import { ConnectionTimer } from './connection-timer.js';
import { isLongHeader } from './datagram.js';
import type { Endpoint } from './endpoint.js';
import { OwnIds } from './own-ids.js';
import { QuicheStream } from './quiche-stream.js';
import { withoutZone } from './udp-socket.js';

/** Datagrams that a connection sends before others get their turn. */
const MAX_BURST = 64;

/** What a connection is made of. */
export interface ConnectionParts {
  readonly endpoint: Endpoint;
  readonly connection: QuicheConnection;
  /** The id by which the peer names it. */
  readonly scid: Uint8Array;
  readonly peer: HostPort;
  /** The end of the path on this side, as the connection was made with. */
  readonly local: QuicheHost;
  /** Connections of this end open the stream. */
  readonly isClient: boolean;
  readonly settings: ConnectionSettings;
  /** Looks at a peer whose handshake is complete. @returns why it is not taken, and with which alert of TLS */
  readonly judge: (connection: QuicheConnection) => Refusal | undefined;
  /** The handshake is complete. */
  readonly connected: (stream: QuicheStream) => void;
  /** The handshake came to nothing. */
  readonly failed: (error: Error) => void;
  /** An id that the peer uses until the handshake is over. */
  readonly handshakeKey?: string;
}

/** Why a peer is not taken after a complete handshake. */
export interface Refusal {
  readonly why: string;
  readonly alert: number;
}

type State = 'handshake' | 'connected' | 'closing' | 'over';

/** A connection of the library, with what it cannot do itself: datagrams, timers, turns. */
export class DrivenConnection {
  /** Marks of the endpoint: the connection waits for its turn. */
  readDue = false;
  flushDue = false;
  readonly remoteAddress: string;
  private state: State = 'handshake';
  private stream: QuicheStream | undefined;
  private readonly ids: OwnIds;
  private zone = '';
  private address: string;
  private path: { from: QuicheHost; to: QuicheHost };
  private heardMs = performance.now();
  /** The library's clock. */
  private readonly timer = new ConnectionTimer(() => this.timedOut());
  private readonly handshakeTimer: NodeJS.Timeout;
  private failedOver = false;
  private hasMoved = false;

  constructor(private readonly parts: ConnectionParts) {
    const { peer, local, endpoint, settings } = parts;
    const { handshakeTimeoutMs } = settings;
    this.remoteAddress = formatAddress(peer.host, peer.port);
    this.address = peer.host;
    this.zone = peer.host.slice(withoutZone(peer.host).length);
    this.path = { from: { host: withoutZone(peer.host), port: peer.port }, to: local };
    this.handshakeTimer = setTimeout(() => {
      this.giveUpHandshake(
        new TimeoutError(`the handshake took longer than ${handshakeTimeoutMs} ms`, handshakeTimeoutMs),
      );
    }, handshakeTimeoutMs);
    this.handshakeTimer.unref();
    endpoint.add(this);
    this.ids = new OwnIds(endpoint, parts.connection, this);
    this.ids.add(parts.scid);
    if (parts.handshakeKey !== undefined) endpoint.route(parts.handshakeKey, this);
  }

  receive(datagram: Buffer, from: RemoteInfo): void {
    if (from.port !== this.path.from.port || from.address !== this.address) this.moved(from);
    if (isLongHeader(datagram)) this.receiveEach(datagram);
    else this.receivePackets(datagram);
    this.heardMs = performance.now();
    this.parts.endpoint.readSoon(this);
  }

  /**
   * Over a packet of a stage of the handshake that is behind it, the library gives up the rest of the datagram; but that
   * may be for now, as the goodbye of a client that does not know yet that the handshake is complete.
   */
  private receiveEach(datagram: Buffer): void {
    for (let rest = datagram; rest.length > 0; ) {
      const bytes = firstPacketBytes(rest);
      this.receivePackets(rest.subarray(0, bytes));
      rest = rest.subarray(bytes);
    }
  }

  private receivePackets(bytes: Buffer): void {
    try {
      this.parts.connection.recv(bytes, this.path);
    } catch {
      // Garbage, or the end: then there is an error to look up, and something to send.
      this.failedOver = true;
    }
  }

  /** The library follows by itself, but keeps a record that would grow with every packet from another address. */
  private forgetMoves(): void {
    const { connection } = this.parts;
    while (connection.pathEventNext() !== null);
    this.hasMoved = false;
  }

  /** Takes what has come. Its turn has been asked for with `readSoon`. */
  read(): void {
    if (this.hasMoved) this.forgetMoves();
    if (this.state === 'handshake') this.tryConnect();
    this.stream?.heard();
    if (this.state === 'over') return;
    if (this.state !== 'closing' && (this.failedOver || this.parts.connection.isDraining())) this.lookForEnd();
    this.parts.endpoint.flushSoon(this);
  }

  /** Sends what is due. Its turn has been asked for with `flushSoon`. */
  flush(): void {
    if (this.state === 'over') return;
    const { connection, endpoint } = this.parts;
    const { socket } = endpoint;
    try {
      for (let count = 0; ; count++) {
        if (count === MAX_BURST) {
          endpoint.flushSoon(this);
          break;
        }
        const sent = connection.send(socket.out);
        if (sent === null) break;
        const [bytes, { to }] = sent;
        socket.send(bytes, to.port, this.zone === '' ? to.host : to.host + this.zone);
      }
    } catch (error) {
      this.end(new TransportError(`QUIC cannot go on: ${(error as Error).message}`, { cause: error }));
      return;
    }
    this.arm();
  }

  readSoon(): void {
    this.parts.endpoint.readSoon(this);
  }

  flushSoon(): void {
    this.parts.endpoint.flushSoon(this);
  }

  /** Says something if nobody has for long. */
  signOfLife(nowMs: number, afterMs: number): void {
    if (this.state !== 'connected' || nowMs - this.heardMs < afterMs) return;
    this.heardMs = nowMs;
    try {
      this.parts.connection.sendAckEliciting();
      this.flushSoon();
    } catch {
      // It is ending; that is told elsewhere.
    }
  }

  /** Ends the connection; the peer is told why. The stream is gone, or will never be. */
  close(error: Error | null, code = applicationCode(error), application = true): void {
    if (this.state === 'closing' || this.state === 'over') return;
    if (this.state === 'handshake') this.settle();
    this.retire();
    const reason = error === null ? '' : ((error as { code?: string }).code ?? '');
    try {
      this.parts.connection.close(application, code, Buffer.from(reason));
    } catch {
      // It is closed already.
    }
    this.flush();
  }

  /** The connection is gone: there is no peer any more. @param error - why, if it is not for the library to say */
  end(error?: Error): void {
    if (this.state === 'over') return;
    if (this.state !== 'closing') this.over(error ?? this.lastError());
    this.state = 'over';
    this.timer.clear();
    const { endpoint } = this.parts;
    this.ids.clear();
    endpoint.remove(this);
  }

  /** Ends the connection if its handshake is not over. @param alert - of TLS, if it is about that */
  giveUpHandshake(error: Error, alert?: number): void {
    if (this.state !== 'handshake') return;
    if (alert === undefined) this.close(error);
    else this.close(error, alert, false);
    this.parts.failed(error);
  }

  private tryConnect(): void {
    const { connection, judge, connected, isClient, settings } = this.parts;
    if (!connection.isEstablished()) return;
    // A client may find fault with the server after the last word of the handshake; that goes for a failed one.
    if (connection.peerError()?.isApp === false) return;
    const refusal = judge(connection);
    if (refusal !== undefined) {
      // The peer can read the refusal only when it has the end of the handshake.
      this.flush();
      this.giveUpHandshake(new TransportError(refusal.why), refusal.alert);
      return;
    }
    this.state = 'connected';
    this.settle();
    this.stream = new QuicheStream(this, connection, {
      remoteAddress: this.remoteAddress,
      alpn: Buffer.from(connection.applicationProto()).toString('latin1'),
      peerCertificate: connection.peerCertChain()?.[0],
      isClient,
      preamble: settings.preamble,
    });
    if (isClient) this.ids.offerSpares();
    // The last bytes of the handshake have to leave before anything that might end the connection.
    this.flush();
    connected(this.stream);
  }

  private settle(): void {
    clearTimeout(this.handshakeTimer);
    const { endpoint, handshakeKey } = this.parts;
    if (handshakeKey !== undefined) endpoint.unroute(handshakeKey);
  }

  private retire(): void {
    this.state = 'closing';
    this.parts.endpoint.retire();
  }

  private lookForEnd(): void {
    this.failedOver = false;
    const { connection } = this.parts;
    const peerError = connection.peerError();
    if (peerError !== null) {
      const inOrder = peerError.isApp && peerError.errorCode === CLOSED_IN_ORDER;
      const what = this.stream === undefined ? 'the peer refuses' : 'the peer has ended the connection';
      this.over(inOrder ? undefined : new TransportError(describeClose(what, peerError)));
      return;
    }
    const localError = connection.localError();
    if (localError !== null && !localError.isApp)
      this.over(new TransportError(describeClose('the peer is refused', localError)));
  }

  /** It is known how the connection ends; late packets are still listened to. */
  private over(error: Error | undefined): void {
    const { state, stream } = this;
    if (state === 'closing' || state === 'over') return;
    if (state === 'handshake') this.settle();
    this.retire();
    if (stream !== undefined) stream.ended(error);
    else this.parts.failed(error ?? new TransportError('the peer has ended the connection during the handshake'));
  }

  private moved({ address, port }: RemoteInfo): void {
    this.hasMoved = true;
    this.address = address;
    this.path = { from: { host: withoutZone(address), port }, to: this.path.to };
  }

  private arm(): void {
    const { connection } = this.parts;
    const waitMs = connection.timeout();
    if (waitMs !== null) this.timer.set(waitMs);
    else if (connection.isClosed()) this.end();
  }

  private timedOut(): void {
    const { connection } = this.parts;
    connection.onTimeout();
    if (connection.isClosed()) {
      this.end();
      return;
    }
    // What was lost makes room for more.
    this.stream?.heard();
    this.flush();
  }

  private lastError(): Error {
    const { connection, settings } = this.parts;
    if (connection.isTimedOut()) {
      return new TransportError(
        `nothing was heard of the peer within the idle timeout (here ${settings.idleTimeoutMs} ms)`,
      );
    }
    const error = connection.localError();
    return new TransportError(
      error === null ? 'the connection has ended' : describeClose('the connection has ended', error),
    );
  }
}
