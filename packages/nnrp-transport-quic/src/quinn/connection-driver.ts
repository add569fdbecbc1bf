import type { RemoteInfo } from 'node:dgram';
import { TimeoutError, TransportError } from 'nnrp-core';
import { formatAddress, guard, type HostPort, Patience } from 'nnrp-runtime/transport';
import { applicationCode, CLOSED_IN_ORDER } from '../close-codes.js';
import { type AddressWords, addressWords } from '../module/address-words.js';
import { Happened, type Loss } from '../module/module-facts.js';
import { ConnectionTimer } from '../udp/connection-timer.js';
import { ProgressTimer } from '../udp/progress-timer.js';
import type { ConnectionParts } from './connection-parts.js';
import { LossKind, lossError } from './describe-loss.js';
import { Doubt } from './doubt.js';
import type { EndpointConnection } from './endpoint.js';
import { QlogTrace } from './qlog-trace.js';
import { QuinnStream, type StreamOwner } from './quinn-stream.js';
import { StreamPort } from './stream-port.js';
import { Moves, UnprovedAddress } from './unproved-address.js';

/** Bytes that a connection sends before others get their turn, and datagrams. */
const MAX_BURST_BYTES = 1024 * 1024;
const MAX_BURST = 64;
/** Datagrams that one call of the module makes. */
const MAX_BATCH = 16;
/** Milliseconds of silence that no peer makes shorter. What it says of less is no less: @see RFC 9000 section 10.1. */
const LEAST_PEERS_MS = 25;
/** Milliseconds that an end which has said goodbye stays to repeat it; the library would stay longer on slow paths. */
const MAX_CLOSING_MS = 3000;

type State = 'handshake' | 'connected' | 'closing' | 'over';

/** A connection of the module, with what it cannot do itself: datagrams, timers, turns. */
export class ConnectionDriver implements EndpointConnection, StreamOwner {
  readDue = false;
  flushDue = false;
  readonly remoteAddress: string;
  private state: State = 'handshake';
  private stream: QuinnStream | undefined;
  private readonly port: StreamPort;
  /** Where the library sends to; it follows a peer whose address changes. */
  private target: HostPort;
  private targetWords: AddressWords;
  /** Until the peer has shown that it receives at the address it sends from; a Retry has made it do so before. */
  private unproved: UnprovedAddress | undefined;
  private readonly moves: Moves;
  /** How long this end has said nothing. */
  private readonly silence = new ProgressTimer(this);
  /** The library's clock. */
  private readonly timer = new ConnectionTimer(this, () => this.timedOut());
  private readonly handshakePatience: Patience;
  private readonly begunMs = performance.now();
  private closingUntilMs = Number.POSITIVE_INFINITY;
  private readonly log: QlogTrace | undefined;
  private readonly doubt = new Doubt(this, () => this.ask());

  /**
   * @param first - the datagram of a client that it begins with, and whether the client has proved that it receives at its address
   */
  constructor(
    private readonly parts: ConnectionParts,
    first?: { readonly datagram: Buffer; readonly hasProved: boolean },
  ) {
    const { peer, endpoint, settings } = parts;
    const { handshakeTimeoutMs, qlogDirectory } = settings;
    if (qlogDirectory !== undefined) this.log = new QlogTrace(qlogDirectory, parts.isClient, peer);
    this.remoteAddress = formatAddress(peer.host, peer.port);
    this.target = peer;
    this.targetWords = addressWords(peer.host);
    this.moves = new Moves(this.targetWords);
    if (first !== undefined) this.log?.received(first.datagram.length);
    if (first?.hasProved === false) this.unproved = new UnprovedAddress(peer, first.datagram);
    this.port = new StreamPort(parts.module, parts.index);
    this.handshakePatience = new Patience(this, handshakeTimeoutMs, () => {
      this.giveUpHandshake(
        new TimeoutError(`the handshake took longer than ${handshakeTimeoutMs} ms`, handshakeTimeoutMs),
      );
    }).unref();
    endpoint.add(this);
  }

  get index(): number {
    return this.parts.index;
  }

  /** @internal Something inside has thrown: what it has left undone is unknown, so the connection ends. */
  crashed(error: unknown): void {
    this.end(new TransportError('an internal error ended the connection', { cause: error }));
  }

  /** A datagram for it has gone into the module. */
  received(datagram: Buffer, from: RemoteInfo): void {
    this.doubt.clear();
    this.log?.received(datagram.length);
    if (this.unproved?.received(datagram, from)) this.unproved = undefined;
  }

  /** Whether the peer is known to receive at the address it sends from. */
  get hasProvedAddress(): boolean {
    return this.unproved === undefined;
  }

  /** Takes what has come. Its turn has been asked for with `readSoon`. */
  read(): void {
    if (this.state === 'over') return;
    this.hear();
    this.stream?.packetReceived();
    this.parts.endpoint.flushSoon(this);
  }

  /** What has happened to the connection. */
  private hear(): void {
    const { module } = this.parts;
    const bits = module.happened(this.index);
    if (bits === 0) return;
    if ((bits & Happened.Readable) !== 0) this.port.isReadable = true;
    if ((bits & (Happened.Writable | Happened.Stopped)) !== 0) this.port.unblock();
    if ((bits & Happened.Finished) !== 0) this.port.isAcknowledged = true;
    if ((bits & Happened.Lost) !== 0) {
      // Before the handshake is told: at a client the stream has no listener before the turn is over, so what has ended
      // by then has not begun. What a client of ours has said before its end is still read.
      const loss = module.lost(this.index);
      if ((bits & Happened.Connected) !== 0 && !this.parts.isClient && loss.kind === LossKind.PeersApplication) {
        this.connect();
      }
      this.lost(loss);
    } else if ((bits & Happened.Connected) !== 0) this.connect();
    if ((bits & Happened.Stopped) !== 0) this.stream?.peerStopped();
    if ((bits & Happened.ExtraStream) !== 0)
      this.stream?.destroy(new TransportError('the peer has opened a second stream'));
    if ((bits & Happened.Drained) !== 0) this.end();
  }

  private connect(): void {
    if (this.state !== 'handshake') return;
    const { module, isClient, settings, connected } = this.parts;
    let sent = 0;
    if (isClient) {
      if (!module.openStream(this.index)) {
        this.giveUpHandshake(new TransportError('the server allows no stream (StreamLimit)'));
        return;
      }
      if (settings.preamble !== undefined) sent = Math.max(0, module.write(this.index, settings.preamble));
    }
    // The last bytes of the handshake have to leave before anything that might end the connection.
    this.flush();
    if (this.state !== 'handshake') return;
    this.state = 'connected';
    this.settle();
    this.stream = new QuinnStream(this, this.port, {
      remoteAddress: this.remoteAddress,
      alpn: module.alpn(this.index),
      peerCertificate: module.peerCertificate(this.index),
      cipher: module.cipher(this.index),
      handshakeMs: performance.now() - this.begunMs,
      isClient,
      preamble: settings.preamble,
      preambleSent: sent,
    });
    this.log?.connected(this.stream.alpn, this.stream.cipher);
    this.keepAlive();
    connected(this.stream);
  }

  /** Says something whenever it has not for long. What it has heard does not count: any host can send to it. */
  private keepAlive(): void {
    const { module, settings } = this.parts;
    if (settings.keepAliveMs === 0) return;
    // The peer may give up earlier than this end would, and may not have it do nothing else.
    const peerIdleMs = module.peerIdleTimeoutMs(this.index);
    const peersMs = peerIdleMs > 0 ? Math.max(peerIdleMs / 3, LEAST_PEERS_MS) : settings.keepAliveMs;
    const afterMs = Math.min(settings.keepAliveMs, peersMs);
    this.silence.watch(afterMs, () =>
      guard(this, () => {
        if (this.state !== 'connected') return;
        this.ask();
        this.keepAlive();
      }),
    );
  }

  /** Sends what is due. Its turn has been asked for with `flushSoon`. */
  flush(): void {
    if (this.state === 'over') return;
    const { module, endpoint } = this.parts;
    let datagrams = 0;
    let bytes = 0;
    for (;;) {
      if (datagrams >= MAX_BURST || bytes >= MAX_BURST_BYTES) {
        endpoint.flushSoon(this);
        break;
      }
      const total = module.transmit(this.index, MAX_BATCH);
      if (total === 0) break;
      if (datagrams === 0) this.silence.moved();
      bytes += total;
      datagrams += this.sendBatch(total);
    }
    this.log?.pathIs(this.port.path);
    this.arm();
  }

  /** @returns datagrams */
  private sendBatch(total: number): number {
    const { module, endpoint } = this.parts;
    const { socket } = endpoint;
    if (!module.goesTo(this.targetWords, this.target.port)) {
      this.target = module.target;
      this.targetWords = addressWords(this.target.host);
    }
    const { host, port } = this.target;
    const segment = module.segmentBytes;
    this.log?.sent(total, segment);
    let count = 0;
    const mayGo = this.moves.mayGoTo(this.targetWords, port, module.isAside);
    for (let at = 0; at < total; at += segment) {
      const length = Math.min(segment, total - at);
      count++;
      // What is not sent is lost, and sent again when its time has come.
      if (!mayGo || this.unproved?.takes(length) === false) continue;
      module.copy(socket.out, at, length);
      socket.send(length, port, host);
    }
    return count;
  }

  readSoon(): void {
    this.parts.endpoint.readSoon(this);
  }

  flushSoon(): void {
    this.parts.endpoint.flushSoon(this);
  }

  /** New keys from the next packet on. */
  updateKeys(): void {
    this.parts.module.updateKeys(this.index);
    this.flushSoon();
  }

  /** Ends the connection; the peer is told why. The stream is gone, or will never be. */
  close(error: Error | null): void {
    if (this.state === 'closing' || this.state === 'over') return;
    this.settle();
    this.retire();
    if (error !== null) this.parts.endpoint.doubt();
    const reason = error === null ? '' : ((error as { code?: string }).code ?? '');
    this.parts.module.close(this.index, applicationCode(error), reason);
    this.flush();
    this.log?.closed('local', error);
  }

  /** The connection is gone: there is no peer any more. @param error - why, if it is not for the library to say */
  end(error?: Error): void {
    if (this.state === 'over') return;
    if (this.state !== 'closing') this.over(error ?? new TransportError('the connection has ended'));
    this.state = 'over';
    this.settle();
    this.timer.clear();
    this.silence.clear();
    this.doubt.clear();
    this.parts.endpoint.remove(this);
  }

  refused(error: Error): void {
    if (this.state !== 'connected' || this.doubt.isConfirmed(this.port.path?.roundTripMs ?? 0)) this.end(error);
  }

  /** Makes the peer answer. */
  private ask(): void {
    if (this.state !== 'connected') return;
    this.parts.module.ping(this.index);
    this.flushSoon();
  }

  /** Ends the connection if its handshake is not over. */
  giveUpHandshake(error: Error): void {
    if (this.state !== 'handshake') return;
    this.close(error);
    this.parts.failed(error);
  }

  private lost(loss: Loss): void {
    if (this.state === 'closing' || this.state === 'over') return;
    if (loss.kind === LossKind.TimedOut) this.parts.endpoint.doubt();
    if (loss.kind === LossKind.PeersApplication && loss.code === CLOSED_IN_ORDER) this.over(undefined);
    else this.over(this.errorOf(loss));
  }

  private errorOf(loss: Loss): Error {
    const { settings, explain } = this.parts;
    if (loss.kind === LossKind.TimedOut) {
      return new TransportError(
        `nothing was heard of the peer within the idle timeout (here ${settings.idleTimeoutMs} ms, or less if the peer wishes so)`,
      );
    }
    const why = loss.kind === LossKind.OwnQuic ? explain?.(loss.code) : undefined;
    if (why !== undefined) return new TransportError(`the peer is refused: ${why}`, { isRetryable: false });
    return lossError(loss, this.stream === undefined ? 'the peer refuses' : 'the peer has ended the connection');
  }

  /** It is known how the connection ends. */
  private over(error: Error | undefined): void {
    const { state, stream } = this;
    if (state === 'closing' || state === 'over') return;
    this.settle();
    this.retire();
    this.log?.closed('remote', error);
    if (stream !== undefined) stream.ended(error);
    else this.parts.failed(error ?? new TransportError('the peer has ended the connection during the handshake'));
  }

  private settle(): void {
    this.handshakePatience.end();
  }

  private retire(): void {
    this.state = 'closing';
    this.closingUntilMs = performance.now() + MAX_CLOSING_MS;
    this.parts.endpoint.retire();
  }

  private arm(): void {
    if (this.state === 'over') return;
    const waitMs = Math.min(this.port.timeoutMs, this.closingUntilMs - performance.now());
    if (waitMs !== Number.POSITIVE_INFINITY) this.timer.set(Math.max(0, waitMs));
  }

  private timedOut(): void {
    if (this.state === 'over') return;
    this.parts.module.handleTimeout(this.index);
    this.hear();
    if ((this.state as State) === 'over') return;
    if (performance.now() >= this.closingUntilMs) {
      this.end();
      return;
    }
    this.stream?.probeFired();
    this.flush();
  }
}
