import type { Duplex } from 'node:stream';
import {
  INSPECT,
  type Inspect,
  inspected,
  isNnrpError,
  type NnrpError,
  type Packet,
  PacketSplitter,
  type PacketSplitterOptions,
  TransportError,
} from 'nnrp-core';
import type { FramedTransport, OutboundPacket, PacketSink, TransportKind } from './contract.js';
import { PacedWriter } from './paced-writer.js';
import type { PeerIdentity } from './peer-identity.js';
import { WriteQueue } from './write-queue.js';

export interface StreamTransportOptions extends PacketSplitterOptions {
  readonly kind: TransportKind;
  readonly remoteAddress: string;
  readonly peerIdentity?: PeerIdentity;
  /** Words for what the stream fails with; default the error's own message. */
  readonly describeError?: (error: Error) => string;
  /** Bytes waiting to be sent above which `send` says false; default 1 MiB. */
  readonly highWaterBytes?: number;
  /** Bytes of one write, for streams that show no progress inside one; default unlimited. */
  readonly maxWriteBytes?: number;
  /** Milliseconds without progress after which a peer that takes nothing is given up; default 30000, 0 = never. */
  readonly stallTimeoutMs?: number;
  /** Milliseconds without progress that `close` grants the peer before it cuts the connection; default 2000. */
  readonly closeTimeoutMs?: number;
}

/** A stream that knows of its progress inside one large write, as net.Socket does. */
interface TimedDuplex extends Duplex {
  /** Calls back after so many milliseconds without progress; 0 ends that. */
  setTimeout(timeoutMs: number, callback: () => void): unknown;
}

function isTimed(stream: Duplex): stream is TimedDuplex {
  return typeof (stream as Partial<TimedDuplex>).setTimeout === 'function';
}

const DEFAULT_HIGH_WATER_BYTES = 1024 * 1024;
const DEFAULT_CLOSE_TIMEOUT_MS = 2000;
const DEFAULT_STALL_TIMEOUT_MS = 30_000;
/** So much is written within the turn, while it still lies in one chunk: the peer works on it while more is made. */
const FLUSH_BYTES = 60 * 1024;
/** Milliseconds after which a closing connection is cut even if the peer still takes bytes, drop by drop. */
const MAX_CLOSE_MS = 30_000;

/**
 * Packets over any byte stream: shared by TCP and whatever else ends in a Node Duplex. Reading goes through the
 * splitter without copying; writing joins all packets of one turn into one call.
 */
export class StreamTransport implements FramedTransport {
  readonly kind: TransportKind;
  readonly remoteAddress: string;
  readonly peerIdentity?: PeerIdentity;
  private readonly splitter: PacketSplitter;
  private readonly queue = new WriteQueue();
  private readonly paced: PacedWriter | undefined;
  private readonly highWaterBytes: number;
  private readonly closeTimeoutMs: number;
  private readonly stallTimeoutMs: number;
  private sink: PacketSink | undefined;
  private paused = true;
  private delivering = false;
  private brokenReported = false;
  private flushScheduled = false;
  private full = false;
  private closing = false;
  private ended = false;
  private finished = false;
  private failure: NnrpError | undefined;
  private streamClosed = false;
  private closedReported = false;
  private closeTimer: NodeJS.Timeout | undefined;
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
    this.highWaterBytes = options.highWaterBytes ?? DEFAULT_HIGH_WATER_BYTES;
    this.stallTimeoutMs = options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS;
    this.closeTimeoutMs = options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    if (options.maxWriteBytes !== undefined) {
      this.paced = new PacedWriter(stream, options.maxWriteBytes, () => this.roomAgain());
    }
    this.whenClosed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    stream.on('data', (chunk: Buffer) => this.received(chunk));
    stream.pause();
    stream.on('drain', () => this.roomAgain());
    stream.on('end', () => this.peerEnded());
    const { describeError = (error: Error) => error.message } = options;
    stream.on('error', (error: Error) => {
      // An error of our own says by itself what has happened.
      const what = isNnrpError(error) ? '' : 'the connection broke: ';
      this.failure ??= new TransportError(`${this.remoteAddress}: ${what}${describeError(error)}`, { cause: error });
    });
    stream.on('close', () => {
      this.streamClosed = true;
      this.reportClosed();
    });
  }

  get unfinishedBytes(): number {
    return this.paused || this.delivering || this.closing ? 0 : this.splitter.bufferedBytes;
  }

  start(sink: PacketSink): void {
    this.sink = sink;
    this.resume();
    this.reportClosed();
  }

  send(packet: OutboundPacket): boolean {
    if (this.closing || this.finished || this.stream.destroyed) return true;
    this.queue.add(packet);
    if (this.queue.byteLength >= FLUSH_BYTES) {
      this.flushNow();
    } else if (!this.flushScheduled) {
      this.flushScheduled = true;
      process.nextTick(this.flush);
    }
    if (this.unsentBytes < this.highWaterBytes) return true;
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
    this.deliver();
    if (!this.paused) this.stream.resume();
    this.reportClosed();
  }

  limitPackets(maxBytes: number): void {
    this.splitter.maxPacketBytes = maxBytes;
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
    this.stream.destroy(error);
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
    this.splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.deliver();
  }

  private deliver(): void {
    const { sink } = this;
    if (sink === undefined || this.delivering) return;
    this.delivering = true;
    try {
      let packet: Packet | undefined;
      while (!this.paused && !this.closing) {
        packet = this.splitter.next();
        if (packet === undefined) break;
        sink.packet(packet);
      }
    } catch (error) {
      // A sink that throws has lost track of the stream; it must not be left to fill memory.
      this.abort(new TransportError('the receiver of a packet failed', { cause: error }));
      throw error;
    } finally {
      this.delivering = false;
    }
    if (this.splitter.fault !== undefined && !this.brokenReported && !this.closing) {
      this.brokenReported = true;
      sink.broken(this.splitter.fault);
    }
  }

  private flushNow(): void {
    if (this.queue.byteLength === 0 || this.finished || this.stream.destroyed) return;
    const pieces = this.queue.take();
    if (this.paced !== undefined) {
      this.queue.pending();
      this.paced.write(pieces);
      return;
    }
    if (pieces.length === 1 && pieces[0] !== undefined) {
      this.stream.write(pieces[0]);
    } else {
      this.stream.cork();
      for (const piece of pieces) this.stream.write(piece);
      this.stream.uncork();
    }
    // What the kernel has taken at once lies in nobody's hands any more.
    if (this.stream.writableLength === 0 && !this.stream.destroyed) this.queue.written();
    else this.queue.pending();
    // The kernel may have taken it all at once; then no 'drain' will come.
    if (this.full && !this.stream.writableNeedDrain) process.nextTick(() => this.roomAgain());
  }

  /** From now on the peer has to take something now and then. */
  private filled(): void {
    this.full = true;
    const { stream, stallTimeoutMs } = this;
    if (isTimed(stream) && stallTimeoutMs > 0) stream.setTimeout(stallTimeoutMs, this.stalled);
    // Within the turn, the flush may have emptied it already.
    if (this.queue.byteLength === 0 && !stream.writableNeedDrain) process.nextTick(() => this.roomAgain());
  }

  private readonly stalled = (): void => {
    if (!this.full || this.finished) return;
    this.abort(
      new TransportError(
        `${this.remoteAddress} has taken nothing for ${this.stallTimeoutMs} ms while bytes wait for it`,
      ),
    );
  };

  get unsentBytes(): number {
    return this.queue.byteLength + (this.paced?.byteLength ?? 0) + this.stream.writableLength;
  }

  private roomAgain(): void {
    if (!this.full || this.unsentBytes >= this.highWaterBytes) return;
    this.full = false;
    if (isTimed(this.stream) && !this.finished) this.stream.setTimeout(0, this.stalled);
    if (!this.closedReported) this.sink?.drained();
  }

  private peerEnded(): void {
    this.ended = true;
    if (this.splitter.bufferedBytes > 0 && !this.closing && !this.paused) {
      this.failure ??= new TransportError(`${this.remoteAddress}: the connection ended inside a packet`);
    }
    // A peer that half-closes after its last packet still gets the answers that are ready in this turn.
    setImmediate(() => {
      this.flushNow();
      this.finish();
    });
  }

  /** Ends our side; the peer gets a bounded time to take what is queued and to end its own. */
  private finish(): void {
    if (this.closeTimer !== undefined || this.streamClosed) return;
    this.finished = true;
    if (this.paced === undefined) this.stream.end();
    else this.paced.end();
    const cut = () => this.stream.destroy();
    const timed = isTimed(this.stream);
    if (timed) this.stream.setTimeout(this.closeTimeoutMs, cut);
    this.closeTimer = setTimeout(cut, timed ? MAX_CLOSE_MS : this.closeTimeoutMs);
    this.closeTimer.unref();
  }

  private reportClosed(): void {
    if (!this.streamClosed || this.closedReported) return;
    if (this.paused && this.ended && this.splitter.bufferedBytes > 0 && !this.closing) return;
    clearTimeout(this.closeTimer);
    if (this.closing) this.resolveClosed();
    // Whoever starts later is told then.
    if (this.sink === undefined) return;
    this.closedReported = true;
    this.resolveClosed();
    this.sink.closed(this.failure);
  }
}
