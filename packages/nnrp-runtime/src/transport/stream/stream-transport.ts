import type { Duplex } from 'node:stream';
import { INSPECT, type Inspect, inspected, type NnrpError, type Revision, TransportError } from 'nnrp-core';
import { afterThis, guard, listen, nextTurn } from '../../base/guard.js';
import { type Deferred, deferred } from '../../base/promises/deferred.js';
import { SETTLED } from '../../base/promises/settled.js';
import { warn } from '../../base/warn.js';
import type { FramedTransport, OutboundPacket, PacketSink, TransportKind } from '../contract/contract.js';
import type { PeerIdentity } from '../contract/peer-identity.js';
import type { SentListener } from '../contract/sent-pieces.js';
import { brokenStream, NO_FAILURES, type StreamFailures } from './broken-stream.js';
import { DeadPeer } from './dead-peer.js';
import { changedBody, type LentPacket } from './lent-packet.js';
import { PacedWriter, type WriterOwner } from './paced-writer.js';
import { StallWatch } from './stall-watch.js';
import { maxCloseMs, StreamEnd, type StreamEndOwner } from './stream-end.js';
import { bestWriteBytes, StreamGauge, takesNothing } from './stream-gauge.js';
import { isOver, isResettable, reset, streamOptions } from './stream-kinds.js';
import { type ReaderOwner, StreamReader } from './stream-reader.js';
import { STREAM_DEFAULTS, type StreamTransportOptions } from './stream-transport-options.js';
import { WriteQueue } from './write-queue.js';

/** So much is written within the turn, while it still lies in one chunk: the peer works on it while more is made. */
const FLUSH_BYTES = 60 * 1024;

/**
 * Packets over any byte stream: shared by TCP and whatever else ends in a Node Duplex. Reading goes through the
 * splitter without copying; writing joins all packets of one turn into one call. What the stream's events, timers and the
 * receiver of the packets throw ends this connection, and nothing else.
 */
export class StreamTransport implements FramedTransport, ReaderOwner, WriterOwner, StreamEndOwner {
  readonly kind: TransportKind;
  readonly remoteAddress: string;
  readonly peerIdentity?: PeerIdentity;
  readonly maxCloseMs: number;
  private readonly reader: StreamReader;
  private readonly queue: WriteQueue;
  private readonly writer: PacedWriter;
  private readonly highWaterBytes: number;
  private readonly stallTimeoutMs: number;
  private readonly gauge: StreamGauge;
  /** Made when something first waits for the peer. */
  private stallWatch: StallWatch | undefined;
  private readonly streamEnd: StreamEnd;
  private readonly failures: StreamFailures;
  /** For the holder: `closing` from `close` or `abort` on, `closed` when the sink has been told of the end. */
  private state: 'open' | 'closing' | 'closed' = 'open';
  /** Our direction of the stream. `scheduled`: what is queued is written after this turn; `ended`: nothing more goes out. */
  private output: 'idle' | 'scheduled' | 'ended' = 'idle';
  /** `waiting`: `send` has returned false, and the sink is told when there is room. */
  private senders: 'free' | 'waiting' = 'free';
  private failure: NnrpError | undefined;
  private deadPeer: DeadPeer | undefined;
  private leftOut: LentPacket[] | undefined;
  /** For callers that wait for the end. */
  private whenClosed: Deferred<void> | undefined;

  /** @throws UsageError on what is no stream to read and write, and on an option that does not exist or cannot work */
  constructor(
    private readonly stream: Duplex,
    given: StreamTransportOptions,
  ) {
    const options = streamOptions(stream, given);
    this.kind = options.kind;
    this.remoteAddress = options.remoteAddress;
    if (options.peerIdentity !== undefined) this.peerIdentity = options.peerIdentity;
    this.reader = new StreamReader(stream, options, this);
    this.highWaterBytes = options.highWaterBytes ?? STREAM_DEFAULTS.highWaterBytes;
    this.stallTimeoutMs = options.stallTimeoutMs ?? STREAM_DEFAULTS.stallTimeoutMs;
    const { closeTimeoutMs = STREAM_DEFAULTS.closeTimeoutMs, borrowsWrites } = options;
    const { maxWriteBytes = bestWriteBytes(stream) } = options;
    this.maxCloseMs = maxCloseMs(closeTimeoutMs);
    const looksLater = borrowsWrites === 'callback';
    const mayBeAsked = (looksLater && isResettable(stream)) || takesNothing(stream);
    this.writer = new PacedWriter(stream, maxWriteBytes, looksLater, mayBeAsked, this);
    this.queue = new WriteQueue(borrowsWrites !== undefined, this.writer);
    this.gauge = new StreamGauge(stream, this.writer);
    this.streamEnd = new StreamEnd(this, stream, this.gauge, closeTimeoutMs);
    this.reader.listen();
    this.failures = options.describeError === undefined && options.isRetryable === undefined ? NO_FAILURES : options;
    listen(this, stream, 'error', this.failed, this);
    listen(this, stream, 'close', this.streamEnd.closed, this.streamEnd);
    if (isOver(stream)) this.wasOver();
    else if (stream.readableEnded) nextTurn(this, () => this.reader.ended());
  }

  /** For the guard: something that the transport has called, or the transport itself, has thrown. */
  crashed(error: unknown): void {
    // closed() has been called already: it cannot report this error.
    if (this.state === 'closed') warn(`${this.remoteAddress}: an error after the end of the connection`, error);
    else this.abort(new TransportError(`${this.remoteAddress}: the receiver of its packets failed`, { cause: error }));
  }

  get unfinishedBytes(): number {
    return this.reader.unfinishedBytes;
  }

  start(sink: PacketSink): void {
    this.reader.sink = sink;
    this.reader.resume();
  }

  send(packet: OutboundPacket): boolean {
    // One look at the stream for all that is sent in a turn; if it ends meanwhile, the flush drops the rest.
    if (this.takesNoPackets || (this.queue.byteLength === 0 && this.stream.destroyed)) {
      this.queue.tellLate(packet);
      return true;
    }
    this.queue.add(packet);
    // Where the stream can take it, a body that is lent is written before its sender can change it.
    if (this.queue.byteLength >= FLUSH_BYTES || (this.queue.isLending && this.writer.allWritten)) {
      this.flushNow();
    } else if (this.output === 'idle') {
      this.output = 'scheduled';
      afterThis(this, StreamTransport.flush);
    }
    if (this.takesMore()) return true;
    if (this.senders === 'free') this.letWait();
    return false;
  }

  tellSent(listener: SentListener): void {
    this.flushNow();
    this.queue.tellTo(listener);
  }

  settleSent(): void {
    if (this.takesNoPackets || this.stream.destroyed) this.queue.drop();
    else this.flushNow();
  }

  pause(): void {
    this.reader.pause();
  }

  resume(): void {
    this.reader.resume();
  }

  limitPackets(maxBytes: number): void {
    this.reader.limitPackets(maxBytes);
  }

  speak(revision: Revision): void {
    this.reader.speak(revision);
  }

  probe(): void {
    if (this.output === 'ended' || this.stream.destroyed) return;
    this.deadPeer ??= new DeadPeer(this.stream, () => this.sendAhead(), this);
    this.deadPeer.watch();
  }

  close(): Promise<void> {
    if (this.state === 'open') {
      this.flushNow();
      this.leave();
      this.finish();
      this.reader.drain();
    }
    if (this.isSettled) return SETTLED;
    this.whenClosed ??= deferred();
    return this.whenClosed.promise;
  }

  abort(error?: NnrpError): void {
    this.failure ??= error;
    if (this.state === 'open') this.leave();
    this.streamEnd.destroy(error);
  }

  private leave(): void {
    this.state = 'closing';
    this.reader.stop();
    // The stream may be over, and its end untold because the sink had packets left to read: it is told now.
    if (this.streamEnd.isOver) nextTurn(this, () => this.caughtUp());
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { kind, remoteAddress, state, peerIdentity } = this;
    return { kind, remoteAddress, state, isAuthorized: peerIdentity?.authorized, unsentBytes: this.unsentBytes };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('StreamTransport', this.toJSON(), depth, options, inspect);
  }

  private static flush(this: void, transport: StreamTransport): void {
    if (transport.output === 'scheduled') transport.output = 'idle';
    transport.flushIfIdle();
  }

  /** While a write is under way, what is added stays together: each `take` keeps a chunk, however little lies in it. */
  private flushIfIdle(): void {
    if (!this.queue.borrows || this.writer.allWritten || this.stream.destroyed) this.flushNow();
  }

  private flushNow(): void {
    if (this.queue.byteLength === 0 || this.output === 'ended') return;
    if (this.stream.destroyed) {
      this.queue.drop();
      return;
    }
    this.gauge.passedBytes += this.queue.byteLength;
    if (!this.write(this.queue.take())) return;
    if (this.writer.allWritten && !this.stream.destroyed) this.queue.written();
    else {
      this.writer.keep(this.queue.leave());
      this.watchStall();
    }
  }

  private watchStall(): void {
    // A stream may be destroyed, and say so, inside the write.
    if (this.stallTimeoutMs === 0 || this.streamEnd.isOver) return;
    this.stallWatch ??= new StallWatch(this, this.gauge, this.stallTimeoutMs, true, (taken) => this.giveUp(taken));
    this.stallWatch.begin();
  }

  private sendAhead(): void {
    if (this.output === 'ended' || this.stream.destroyed) return;
    if (this.queue.byteLength === 0 && this.writer.allWritten) this.write(this.queue.takeAhead());
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

  private failed(error: unknown): void {
    this.broke(error);
    // As a stream ends by itself, unless it was told not to.
    if (!this.stream.destroyed) this.streamEnd.destroy();
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

  streamClosed(): void {
    // What has waited for the stream is still told.
    this.flushNow();
    this.writer.letGo();
    this.stallWatch?.end();
    this.deadPeer?.end();
    // Nothing more is sent: a receiver that stopped reading until there is room must read what came before the end.
    if (this.senders === 'waiting') guard(this, () => this.letGoOn());
    this.caughtUp();
  }

  get wantsCall(): boolean {
    return this.senders === 'waiting';
  }

  written(): void {
    if (this.output === 'idle') this.flushIfIdle();
    if (this.senders === 'waiting') guard(this, () => this.roomAgain());
  }

  /** The sink may be in the middle of something: it is told afterwards. */
  unsent(packet: LentPacket): void {
    if (this.leftOut === undefined) {
      this.leftOut = [];
      afterThis(this, () => this.tellUnsent());
    }
    this.leftOut.push(packet);
  }

  /** It is not known what the peer has got instead; it must not take it for the packet. */
  damaged(packet: LentPacket): void {
    guard(this, () => this.abortDamaged(packet));
  }

  private abortDamaged(packet: LentPacket): void {
    const { frameId, sessionId } = packet.unsentHead();
    const what = `the body of frame ${frameId} of session ${sessionId} was transferred or resized while it was being sent`;
    if (isResettable(this.stream)) reset(this.stream);
    this.abort(new TransportError(`${this.remoteAddress}: ${what}; send a copy (body.slice()) of what is transferred`));
  }

  private tellUnsent(): void {
    const { leftOut = [] } = this;
    this.leftOut = undefined;
    for (const packet of leftOut) {
      if (this.state === 'closed') return;
      const head = packet.unsentHead();
      const error = changedBody(head, packet.body.length);
      if (this.reader.sink?.unsent === undefined) this.abort(error);
      else this.reader.sink.unsent(head, error);
    }
  }

  private letWait(): void {
    this.senders = 'waiting';
    // Within the turn, the flush may have emptied it already.
    if (this.queue.byteLength === 0 && this.writer.allWritten) afterThis(this, () => this.roomAgain());
  }

  private giveUp(takenBytes: number): void {
    const taken = takenBytes === 0 ? 'nothing' : `only ${takenBytes} bytes`;
    const text = `${this.remoteAddress} has taken ${taken} for ${this.stallTimeoutMs} ms while bytes wait for it`;
    this.abort(new TransportError(text));
  }

  get hasStalled(): boolean {
    return this.stallWatch?.state === 'stalled';
  }

  get unsentBytes(): number {
    return this.queue.byteLength + this.writer.byteLength + this.stream.writableLength;
  }

  /** Whether senders need not wait. A writer that is idle has nothing left in the stream, which is slow to ask. */
  private takesMore(): boolean {
    const { highWaterBytes } = this;
    return this.queue.byteLength < highWaterBytes && (this.writer.allWritten || this.unsentBytes < highWaterBytes);
  }

  private roomAgain(): void {
    if (this.senders === 'waiting' && this.unsentBytes < this.highWaterBytes) this.letGoOn();
  }

  private letGoOn(): void {
    this.senders = 'free';
    if (this.state !== 'closed') this.reader.sink?.drained();
  }

  /** The peer sends nothing more. A sink that does not ask for this gets an end of our side, too. */
  peerEnded(): void {
    // A peer that half-closes after its last packet still gets the answers that are ready in this turn.
    nextTurn(this, () => {
      this.flushNow();
      this.finish();
    });
  }

  endedInsidePacket(): void {
    this.failure ??= new TransportError(`${this.remoteAddress}: the connection ended inside a packet`);
  }

  /** Ends our side; the peer gets a bounded time to take what is queued and to end its own. */
  private finish(): void {
    if (this.output === 'ended' || this.streamEnd.isOver) return;
    this.output = 'ended';
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

  /** Tells the sink of the end, unless there is something that it has to read first. */
  caughtUp(): void {
    if (!this.streamEnd.isOver || this.state === 'closed' || this.reader.hasMore) return;
    if (this.state === 'closing') this.whenClosed?.resolve();
    const { sink } = this.reader;
    // No sink yet: start() reports it.
    if (sink === undefined) return;
    this.state = 'closed';
    this.reader.stop();
    this.whenClosed?.resolve();
    sink.closed(this.failure);
  }

  /** Whether the end that `close` waits for has come; where no sink has been given, it is still to be told. */
  private get isSettled(): boolean {
    return this.state === 'closed' || (this.state === 'closing' && this.streamEnd.isOver && !this.reader.sink);
  }

  private get takesNoPackets(): boolean {
    return this.state !== 'open' || this.output === 'ended';
  }
}
