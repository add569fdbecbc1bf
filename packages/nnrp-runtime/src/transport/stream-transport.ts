import type { Duplex } from 'node:stream';
import { INSPECT, type Inspect, inspected, type NnrpError, PacketSplitter, TransportError } from 'nnrp-core';
import { afterThis, type Guarded, guard, listen, nextTurn } from '../base/guard.js';
import { warn } from '../base/warn.js';
import { brokenStream, type StreamFailures } from './broken-stream.js';
import type { FramedTransport, OutboundPacket, PacketSink, TransportKind } from './contract.js';
import { DeadPeer } from './dead-peer.js';
import { COPY_LIMIT, changedBody, type LentPacket } from './lent-packet.js';
import { PacedWriter } from './paced-writer.js';
import type { PeerIdentity } from './peer-identity.js';
import { pin, pinForSending } from './pinned.js';
import { StallWatch } from './stall-watch.js';
import { maxCloseMs, StreamEnd } from './stream-end.js';
import { bestWriteBytes, StreamGauge } from './stream-gauge.js';
import { isOver, isResettable } from './stream-kinds.js';
import type { StreamTransportOptions } from './stream-transport-options.js';
import { TurnShare } from './turn-share.js';
import { WriteQueue } from './write-queue.js';

const DEFAULT_HIGH_WATER_BYTES = 1024 * 1024;
const DEFAULT_CLOSE_TIMEOUT_MS = 2000;
const DEFAULT_STALL_TIMEOUT_MS = 30_000;
/** So much is written within the turn, while it still lies in one chunk: the peer works on it while more is made. */
const FLUSH_BYTES = 60 * 1024;

/**
 * Packets over any byte stream: shared by TCP and whatever else ends in a Node Duplex. Reading goes through the
 * splitter without copying; writing joins all packets of one turn into one call. What the stream's events, timers and the
 * receiver of the packets throw ends this connection, and nothing else.
 */
export class StreamTransport implements FramedTransport, Guarded {
  readonly kind: TransportKind;
  readonly remoteAddress: string;
  readonly peerIdentity?: PeerIdentity;
  readonly maxCloseMs: number;
  private readonly splitter: PacketSplitter;
  private readonly queue: WriteQueue;
  private readonly writer: PacedWriter;
  private readonly highWaterBytes: number;
  private readonly stallTimeoutMs: number;
  private readonly gauge: StreamGauge;
  private readonly stallWatch: StallWatch | undefined;
  private readonly streamEnd: StreamEnd;
  private readonly failures: StreamFailures;
  private sink: PacketSink | undefined;
  private paused = true;
  private readonly share = new TurnShare();
  /** Reading goes on in the next turn of the event loop. */
  private waitsForTurn = false;
  private delivering = false;
  private brokenReported = false;
  private flushScheduled = false;
  private full = false;
  private closing = false;
  private ended = false;
  private endTold = false;
  private finished = false;
  private failure: NnrpError | undefined;
  private closedReported = false;
  private stalled = false;
  private deadPeer: DeadPeer | undefined;
  private unsent: LentPacket[] | undefined;
  private readonly whenClosed: Promise<void>;
  private resolveClosed: () => void = () => {};
  private readonly flush = () => {
    this.flushScheduled = false;
    this.flushNow();
  };

  constructor(
    private readonly stream: Duplex,
    options: StreamTransportOptions,
  ) {
    this.kind = options.kind;
    this.remoteAddress = options.remoteAddress;
    if (options.peerIdentity !== undefined) this.peerIdentity = options.peerIdentity;
    this.splitter = new PacketSplitter(options);
    this.splitter.oversized = (head, fault) => this.sink?.oversized?.(head, fault) ?? false;
    this.highWaterBytes = options.highWaterBytes ?? DEFAULT_HIGH_WATER_BYTES;
    this.stallTimeoutMs = options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS;
    const {
      closeTimeoutMs = DEFAULT_CLOSE_TIMEOUT_MS,
      borrowsWrites,
      maxWriteBytes = bestWriteBytes(stream),
    } = options;
    this.maxCloseMs = maxCloseMs(closeTimeoutMs);
    this.queue = new WriteQueue(borrowsWrites !== undefined, () => this.writer.isIdle);
    this.writer = new PacedWriter(
      stream,
      maxWriteBytes,
      () => {
        if (this.full) guard(this, () => this.roomAgain());
      },
      (packet) => this.leftOut(packet),
      borrowsWrites === 'callback' ? (packet) => guard(this, () => this.damaged(packet)) : undefined,
      borrowsWrites === 'callback' && isResettable(stream) ? () => this.full : undefined,
    );
    this.gauge = new StreamGauge(stream, this.writer);
    this.streamEnd = new StreamEnd(this, stream, this.gauge, closeTimeoutMs, () => this.streamClosed());
    if (this.stallTimeoutMs > 0) {
      const stalled = (taken: number) => this.giveUp(taken);
      this.stallWatch = new StallWatch(this, this.gauge, this.stallTimeoutMs, true, stalled);
    }
    this.whenClosed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    listen(this, stream, 'data', (chunk: Buffer) => this.received(chunk));
    stream.pause();
    listen(this, stream, 'end', () => this.peerEnded());
    this.failures = options;
    listen(this, stream, 'error', (error: unknown) => {
      this.broke(error);
      // As a stream ends by itself, unless it was told not to.
      if (!stream.destroyed) this.streamEnd.destroy();
    });
    listen(this, stream, 'close', () => this.streamEnd.over());
    if (isOver(stream)) this.wasOver();
    else if (stream.readableEnded) nextTurn(this, () => this.peerEnded());
  }

  /** For the guard: something that the transport has called, or the transport itself, has thrown. */
  crashed(error: unknown): void {
    // Nobody is left to be told of it by closed().
    if (this.closedReported) warn(`${this.remoteAddress}: an error after the end of the connection`, error);
    else this.abort(new TransportError(`${this.remoteAddress}: the receiver of its packets failed`, { cause: error }));
  }

  get unfinishedBytes(): number {
    if (this.isHeld || this.delivering || this.closing || this.ended) return 0;
    return this.splitter.bufferedBytes + (this.splitter.isSkipping ? 1 : 0);
  }

  start(sink: PacketSink): void {
    this.sink = sink;
    this.resume();
  }

  send(packet: OutboundPacket): boolean {
    // One look at the stream for all that is sent in a turn; if it ends meanwhile, the flush drops the rest.
    if (this.closing || this.finished || (this.queue.byteLength === 0 && this.stream.destroyed)) return true;
    this.queue.add(packet);
    // Where the stream can take it, a body that is lent is written before its sender can change it.
    if (this.queue.byteLength >= FLUSH_BYTES || (this.queue.isLending && this.writer.isIdle)) {
      this.flushNow();
    } else if (!this.flushScheduled) {
      this.flushScheduled = true;
      afterThis(this, this.flush);
    }
    if (this.takesMore()) return true;
    if (!this.full) this.filled();
    return false;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.stream.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    guard(this, () => this.readOn());
  }

  limitPackets(maxBytes: number): void {
    this.splitter.maxPacketBytes = maxBytes;
  }

  probe(): void {
    if (this.finished || this.stream.destroyed) return;
    this.deadPeer ??= new DeadPeer(this.stream, () => this.sendAhead(), this);
    this.deadPeer.watch();
  }

  close(): Promise<void> {
    if (!this.closing) {
      this.flushNow();
      this.closing = true;
      this.finish();
      // What still comes is read to see the end, and dropped.
      this.stream.resume();
    }
    return this.whenClosed;
  }

  abort(error?: NnrpError): void {
    this.failure ??= error;
    this.closing = true;
    this.streamEnd.destroy(error);
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { kind, remoteAddress, peerIdentity } = this;
    const state = this.closedReported ? 'closed' : this.closing ? 'closing' : 'open';
    return { kind, remoteAddress, state, isAuthorized: peerIdentity?.authorized, unsentBytes: this.unsentBytes };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('StreamTransport', this.toJSON(), depth, options, inspect);
  }

  private received(chunk: Buffer): void {
    if (this.closing) return;
    this.share.begin(chunk.byteLength);
    const { buffer } = chunk as { buffer: ArrayBufferLike & { readonly resizable?: boolean } };
    // What can be resized under the packets that lie in it is copied; Node's own sockets never give that.
    const bytes = buffer.resizable === true ? new Uint8Array(chunk) : undefined;
    this.splitter.push(bytes ?? new Uint8Array(buffer, chunk.byteOffset, chunk.byteLength));
    this.deliver();
  }

  /** @throws what the sink throws: it has lost track of the stream and must not be left to fill memory */
  private deliver(): void {
    const { sink } = this;
    if (sink === undefined || this.delivering) return;
    this.delivering = true;
    let marked: Uint8Array | undefined;
    try {
      while (!this.paused && !this.waitsForTurn && !this.closing) {
        const packet = this.splitter.next();
        if (packet === undefined) break;
        // Whoever gets a packet gets the memory that others lie in, too.
        if (packet.bytes !== marked) {
          marked = packet.bytes;
          // Large bodies may be answered with: they are sent on without a copy.
          if (packet.bodyLength > COPY_LIMIT) pinForSending(marked.buffer);
          else pin(marked.buffer);
        }
        sink.packet(packet);
        if (this.share.isUsedUp()) this.letOthersGo();
      }
    } finally {
      this.delivering = false;
    }
    if (this.splitter.fault !== undefined && !this.brokenReported && !this.closing) {
      this.brokenReported = true;
      sink.broken(this.splitter.fault);
    }
  }

  private get isHeld(): boolean {
    return this.paused || this.waitsForTurn;
  }

  private readOn(): void {
    if (this.isHeld) return;
    this.deliver();
    if (!this.isHeld) this.stream.resume();
    this.checkEnd();
    this.tellEnded();
    this.reportClosed();
  }

  /** What has come and what still comes waits until all other connections have been read once. */
  private letOthersGo(): void {
    this.waitsForTurn = true;
    this.stream.pause();
    nextTurn(this, () => {
      this.waitsForTurn = false;
      this.share.renew();
      if (this.paused) this.reportClosed();
      else this.readOn();
    });
  }

  private flushNow(): void {
    if (this.queue.byteLength === 0 || this.finished) return;
    if (this.stream.destroyed) {
      this.queue.take();
      this.queue.written();
      return;
    }
    this.gauge.passedBytes += this.queue.byteLength;
    if (!this.write(this.queue.take())) return;
    if (this.writer.isIdle && !this.stream.destroyed) this.queue.written();
    else {
      this.writer.keep(this.queue.leave());
      this.stallWatch?.begin();
    }
  }

  private sendAhead(): void {
    if (this.queue.byteLength > 0 || !this.writer.isIdle || this.finished || this.stream.destroyed) return;
    this.write(this.queue.takeAhead());
  }

  /** @returns false when the stream has thrown, and so is over */
  private write(pieces: Parameters<PacedWriter['write']>[0]): boolean {
    try {
      this.writer.write(pieces);
      return true;
    } catch (error) {
      this.broke(error);
      this.streamEnd.destroy();
      return false;
    }
  }

  /** Why, in the stream's own words: it may say anything, and nothing. */
  private broke(error: unknown): void {
    this.failure ??= brokenStream(this.remoteAddress, error, this.failures);
  }

  /** Nothing is heard any more of a stream that was over before it came here. */
  private wasOver(): void {
    const { errored } = this.stream;
    if (errored) this.broke(errored);
    this.failure ??= new TransportError(`${this.remoteAddress}: the stream was destroyed before it was handed over`);
    nextTurn(this, () => this.streamEnd.destroy());
  }

  private streamClosed(): void {
    this.stallWatch?.end();
    this.deadPeer?.end();
    // Nothing waits for the peer any more: who has stopped reading until it does must read what came before the end.
    if (this.full) this.hasRoom();
    this.reportClosed();
  }

  /** The sink may be in the middle of something: it is told afterwards. */
  private leftOut(packet: LentPacket): void {
    if (this.unsent === undefined) {
      this.unsent = [];
      afterThis(this, () => this.tellUnsent());
    }
    this.unsent.push(packet);
  }

  /** Nobody can tell what the peer has got instead; it must not take it for the packet. */
  private damaged(packet: LentPacket): void {
    const { frameId, sessionId } = packet.unsentHead();
    const what = `the body of frame ${frameId} of session ${sessionId} was transferred or resized while it was being sent`;
    if (isResettable(this.stream)) this.stream.resetAndDestroy();
    this.abort(new TransportError(`${this.remoteAddress}: ${what}; send a copy (body.slice()) of what is transferred`));
  }

  private tellUnsent(): void {
    const { unsent = [] } = this;
    this.unsent = undefined;
    for (const packet of unsent) {
      if (this.closedReported) return;
      const head = packet.unsentHead();
      const error = changedBody(head, packet.body.length);
      if (this.sink?.unsent === undefined) this.abort(error);
      else this.sink.unsent(head, error);
    }
  }

  private filled(): void {
    this.full = true;
    // Within the turn, the flush may have emptied it already.
    if (this.queue.byteLength === 0 && this.writer.isIdle) afterThis(this, () => this.roomAgain());
  }

  private giveUp(takenBytes: number): void {
    this.stalled = true;
    const taken = takenBytes === 0 ? 'nothing' : `only ${takenBytes} bytes`;
    const text = `${this.remoteAddress} has taken ${taken} for ${this.stallTimeoutMs} ms while bytes wait for it`;
    this.abort(new TransportError(text));
  }

  get hasStalled(): boolean {
    return this.stalled;
  }

  get unsentBytes(): number {
    return this.queue.byteLength + this.writer.byteLength + this.stream.writableLength;
  }

  /** Whether senders need not wait. A writer that is idle has nothing left in the stream, which is slow to ask. */
  private takesMore(): boolean {
    const { highWaterBytes } = this;
    return this.queue.byteLength < highWaterBytes && (this.writer.isIdle || this.unsentBytes < highWaterBytes);
  }

  private roomAgain(): void {
    if (!this.full || this.unsentBytes >= this.highWaterBytes) return;
    this.hasRoom();
  }

  private hasRoom(): void {
    this.full = false;
    if (!this.closedReported) this.sink?.drained();
  }

  private peerEnded(): void {
    this.ended = true;
    this.checkEnd();
    if (this.sink?.peerEnded !== undefined) this.tellEnded();
    else {
      // A peer that half-closes after its last packet still gets the answers that are ready in this turn.
      nextTurn(this, () => {
        this.flushNow();
        this.finish();
      });
    }
  }

  private checkEnd(): void {
    if (!this.ended || this.isHeld || this.closing || this.splitter.bufferedBytes === 0) return;
    this.failure ??= new TransportError(`${this.remoteAddress}: the connection ended inside a packet`);
  }

  /** Not before everything is delivered that came before the end. */
  private tellEnded(): void {
    const { sink } = this;
    if (!this.ended || this.endTold || this.isHeld || this.closing || sink?.peerEnded === undefined) return;
    this.endTold = true;
    sink.peerEnded();
  }

  /** Ends our side; the peer gets a bounded time to take what is queued and to end its own. */
  private finish(): void {
    if (this.finished || this.streamEnd.isOver) return;
    this.finished = true;
    this.stallWatch?.end();
    this.endWriter();
    this.streamEnd.begin();
  }

  private endWriter(): void {
    try {
      this.writer.end();
    } catch (error) {
      this.broke(error);
      this.streamEnd.destroy();
    }
  }

  private reportClosed(): void {
    if (!this.streamEnd.isOver || this.closedReported) return;
    const mayReadOn = this.waitsForTurn || (this.paused && this.ended);
    if (mayReadOn && this.splitter.bufferedBytes > 0 && !this.closing) return;
    if (this.closing) this.resolveClosed();
    // Whoever starts later is told then.
    if (this.sink === undefined) return;
    this.closedReported = true;
    this.resolveClosed();
    this.sink.closed(this.failure);
  }
}
