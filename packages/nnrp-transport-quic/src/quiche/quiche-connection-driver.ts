import type { RemoteInfo } from 'node:dgram';
import { TimeoutError, TransportError } from 'nnrp-core';
import { formatAddress, guard, later } from 'nnrp-runtime/transport';
import { applicationCode, CLOSED_IN_ORDER, type CloseReason, describeClose, isRefusal } from '../close-codes.js';
import { CloseResender } from './close-resender.js';
import { coalescedPackets } from './coalesced-packets.js';
import type { ConnectionParts } from './connection-parts.js';
import { ConnectionTimer } from './connection-timer.js';
import { destinationKey, idKey, isLongHeader, MIN_INITIAL_BYTES } from './datagram.js';
import type { EndpointConnection } from './endpoint.js';
import { PeerAddress } from './peer-address.js';
import { ProgressTimer } from './progress-timer.js';
import { QuicheStream, STREAM, type StreamOwner } from './quiche-stream.js';
import { UnprovedAddress } from './unproved-address.js';

/** Datagrams that a connection sends before others get their turn. */
const MAX_BURST = 64;
/** Milliseconds that an end which has said goodbye stays to repeat it; the library would stay longer on slow paths. */
const MAX_CLOSING_MS = 3000;
/** Enough for long chains of certificates, with losses. */
const MAX_HANDSHAKE_BYTES_OF_CLIENT = 64 * 1024;
const MAX_HANDSHAKE_BYTES_OF_SERVER = 512 * 1024;
/** About what the library takes for a connection at rest. */
const NATIVE_BYTES = 40 * 1024;

type State = 'handshake' | 'connected' | 'closing' | 'over';

/** A connection of the library, with what it cannot do itself: datagrams, timers, turns. */
export class QuicheConnectionDriver implements EndpointConnection, StreamOwner {
  readDue = false;
  flushDue = false;
  readonly remoteAddress: string;
  private state: State = 'handshake';
  private stream: QuicheStream | undefined;
  /** The id by which the peer names this connection. */
  private readonly key: string;
  private readonly address: PeerAddress;
  /** How long this end has said nothing. */
  private readonly silence = new ProgressTimer(this);
  private handshakeBytes = 0;
  /** Until the peer has shown that it receives at the address it sends from; a Retry has made it do so before. */
  private unproved: UnprovedAddress | undefined;
  /** What the library keeps outside of the heap. Without it, the collector would see no reason to give that back. */
  readonly nativeMemory = Buffer.allocUnsafeSlow(NATIVE_BYTES);
  /** The library's clock. */
  private readonly timer = new ConnectionTimer(this, () => this.timedOut());
  private readonly handshakeTimer: NodeJS.Timeout;
  private failedOver = false;
  private shookHands = false;
  private closingUntilMs = Number.POSITIVE_INFINITY;
  private closeResender: CloseResender | undefined;

  constructor(private readonly parts: ConnectionParts) {
    const { peer, local, endpoint, settings } = parts;
    const { handshakeTimeoutMs } = settings;
    this.remoteAddress = formatAddress(peer.host, peer.port);
    this.address = new PeerAddress(peer, local);
    if (!parts.isClient && parts.handshakeKey !== undefined) this.unproved = new UnprovedAddress();
    this.handshakeTimer = later(this, handshakeTimeoutMs, () => {
      this.giveUpHandshake(
        new TimeoutError(`the handshake took longer than ${handshakeTimeoutMs} ms`, handshakeTimeoutMs),
      );
    });
    this.handshakeTimer.unref();
    endpoint.add(this);
    this.key = idKey(parts.scid);
    endpoint.route(this.key, this);
    if (parts.handshakeKey !== undefined) endpoint.route(parts.handshakeKey, this);
  }

  /** @internal Something inside has thrown: what it has left undone is unknown, so the connection ends. */
  crashed(error: unknown): void {
    this.end(new TransportError('an internal error ended the connection', { cause: error }));
  }

  receive(datagram: Buffer, from: RemoteInfo): void {
    this.lookForProof(datagram, from);
    // Other packets are none of the handshake's.
    if (this.state === 'handshake' && isLongHeader(datagram) && this.isTooMuch(datagram.length)) return;
    this.address.received(from);
    if (isLongHeader(datagram)) for (const packet of coalescedPackets(datagram)) this.receivePackets(packet);
    else this.receivePackets(datagram);
    if (this.state === 'closing') this.resendClose();
    this.parts.endpoint.readSoon(this);
  }

  /** Whether the peer is known to receive at the address it sends from. */
  get hasProvedAddress(): boolean {
    return this.unproved === undefined;
  }

  /** Only a peer that has got an answer of this end knows the id that this end has chosen. */
  private lookForProof(datagram: Buffer, from: RemoteInfo): void {
    const { unproved, parts } = this;
    if (unproved === undefined || from.address !== parts.peer.host || from.port !== parts.peer.port) return;
    if (destinationKey(datagram) === this.key) this.unproved = undefined;
    else unproved.received(datagram.length);
  }

  private resendClose(): void {
    const { closeResender: goodbye, unproved } = this;
    if (goodbye === undefined || unproved?.takes(goodbye.byteLength) === false) return;
    const bytes = goodbye.repeat();
    unproved?.sent(bytes);
  }

  /** Until its handshake is over a peer is a stranger, and what it sends out of order is kept by the library, without bounds. */
  private isTooMuch(bytes: number): boolean {
    const most = this.parts.isClient ? MAX_HANDSHAKE_BYTES_OF_SERVER : MAX_HANDSHAKE_BYTES_OF_CLIENT;
    this.handshakeBytes += bytes;
    if (this.handshakeBytes <= most) return false;
    this.giveUpHandshake(new TransportError(`the handshake took more than ${most} bytes of the peer`));
    return true;
  }

  private receivePackets(bytes: Buffer): void {
    try {
      this.parts.connection.recv(bytes, this.address.path);
    } catch {
      // Garbage, or the end: then there is an error to look up, and something to send.
      this.failedOver = true;
    }
  }

  /** Takes what has come. Its turn has been asked for with `readSoon`. */
  read(): void {
    if (this.address.follow(this.parts.connection)) this.makeAnswer();
    if (this.state === 'handshake') this.tryConnect();
    this.stream?.packetReceived();
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
        // The library pads some packets of the handshake to whatever there is room for.
        const room = this.shookHands ? socket.out : socket.out.subarray(0, MIN_INITIAL_BYTES);
        if (count === MAX_BURST) {
          endpoint.flushSoon(this);
          break;
        }
        // What the library has is not lost: it waits for its next turn, or is sent again when its time has come.
        if (this.unproved?.takes() === false) break;
        const sent = connection.send(room);
        if (sent === null) break;
        if (count === 0) this.silence.moved();
        const [bytes, { to }] = sent;
        this.unproved?.sent(bytes);
        const target = this.address.targetOf(to);
        if (this.state === 'closing') {
          this.closeResender = new CloseResender(socket, Buffer.from(socket.out.subarray(0, bytes)), target);
        }
        socket.send(bytes, target.port, target.host);
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

  /** Says something whenever it has not for long. What it has heard does not count: any host can send to it. */
  private keepAlive(): void {
    const { connection, settings } = this.parts;
    if (settings.keepAliveMs === 0) return;
    // The peer may give up earlier than this end would.
    const { peerMaxIdleTimeout } = connection.stats();
    const afterMs = Math.min(
      settings.keepAliveMs,
      peerMaxIdleTimeout > 0 ? peerMaxIdleTimeout / 3 : settings.keepAliveMs,
    );
    this.silence.watch(afterMs, () =>
      guard(this, () => {
        if (this.state !== 'connected') return;
        this.makeAnswer();
        this.keepAlive();
      }),
    );
  }

  private makeAnswer(): void {
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
    this.silence.clear();
    const { endpoint, handshakeKey } = this.parts;
    endpoint.unroute(this.key);
    // Not before: copies of the client's first packet may come late, and must not begin another handshake.
    if (handshakeKey !== undefined) endpoint.unroute(handshakeKey);
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
    const { connection, verifyPeer: judge, connected, isClient, settings } = this.parts;
    if (!connection.isEstablished()) return;
    // A client may find fault with the server after the last word of the handshake; that goes for a failed one. At a
    // client the stream has no listener before the turn is over, so what has ended by then has not begun.
    const fault = connection.peerError() ?? connection.localError();
    if (fault !== null && (isClient || !fault.isApp)) return;
    const refusal = judge(connection);
    if (refusal !== undefined) {
      // The peer can read the refusal only when it has the end of the handshake.
      this.flush();
      this.giveUpHandshake(new TransportError(refusal.why, { isRetryable: false }), refusal.alert);
      return;
    }
    const sent = this.openStream();
    if (sent === undefined) return;
    // The last bytes of the handshake have to leave before anything that might end the connection.
    this.flush();
    if (this.state !== 'handshake') return;
    this.state = 'connected';
    this.settle();
    this.stream = new QuicheStream(this, connection, {
      remoteAddress: this.remoteAddress,
      alpn: Buffer.from(connection.applicationProto()).toString('latin1'),
      peerCertificate: connection.peerCertChain()?.[0],
      isClient,
      preamble: settings.preamble,
      preambleSent: sent,
    });
    this.keepAlive();
    this.shookHands = true;
    connected(this.stream);
  }

  /** A client opens the stream with its preamble. @returns bytes of it that are sent; undefined when it cannot be opened */
  private openStream(): number | undefined {
    const { connection, isClient, settings } = this.parts;
    if (!isClient || settings.preamble === undefined) return 0;
    try {
      return connection.streamSend(STREAM, settings.preamble, false) ?? 0;
    } catch (error) {
      this.giveUpHandshake(
        new TransportError(`the server allows no stream (${(error as Error).message})`, { cause: error }),
      );
      return undefined;
    }
  }

  private settle(): void {
    clearTimeout(this.handshakeTimer);
  }

  private retire(): void {
    this.state = 'closing';
    this.closingUntilMs = performance.now() + MAX_CLOSING_MS;
    this.parts.endpoint.retire();
  }

  private lookForEnd(): void {
    this.failedOver = false;
    const { connection } = this.parts;
    const peerError = connection.peerError();
    if (peerError !== null) {
      const inOrder = peerError.isApp && peerError.errorCode === CLOSED_IN_ORDER;
      const what = this.stream === undefined ? 'the peer refuses' : 'the peer has ended the connection';
      this.over(inOrder ? undefined : failureOf(describeClose(what, peerError), peerError));
      // What may still come is of no use, and nothing may be sent any more.
      this.end();
      return;
    }
    const localError = connection.localError();
    if (localError === null || localError.isApp) return;
    const why = this.parts.explain?.(connection, localError.errorCode);
    const text = why === undefined ? describeClose('the peer is refused', localError) : `the peer is refused: ${why}`;
    this.over(failureOf(text, localError));
  }

  /** It is known how the connection ends. */
  private over(error: Error | undefined): void {
    const { state, stream } = this;
    if (state === 'closing' || state === 'over') return;
    if (state === 'handshake') this.settle();
    this.retire();
    if (stream !== undefined) stream.ended(error);
    else this.parts.failed(error ?? new TransportError('the peer has ended the connection during the handshake'));
  }

  private arm(): void {
    const { connection } = this.parts;
    const waitMs = connection.timeout();
    if (waitMs !== null) this.timer.set(Math.min(waitMs, this.closingUntilMs - performance.now()));
    else if (connection.isClosed()) this.end();
  }

  private timedOut(): void {
    const { connection } = this.parts;
    connection.onTimeout();
    if (connection.isClosed() || performance.now() >= this.closingUntilMs) {
      this.end();
      return;
    }
    this.stream?.probeFired();
    this.flush();
  }

  private lastError(): Error {
    const { connection, settings } = this.parts;
    if (connection.isTimedOut()) {
      return new TransportError(
        `nothing was heard of the peer within the idle timeout (here ${settings.idleTimeoutMs} ms, or less if the peer wishes so)`,
      );
    }
    const error = connection.localError();
    const what = 'the connection has ended';
    return error === null ? new TransportError(what) : failureOf(describeClose(what, error), error);
  }
}

function failureOf(text: string, reason: CloseReason): TransportError {
  return new TransportError(text, { isRetryable: !isRefusal(reason) });
}
