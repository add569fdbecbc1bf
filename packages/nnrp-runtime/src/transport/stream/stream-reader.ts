import type { Duplex } from 'node:stream';
import { PacketSplitter, type Revision } from 'nnrp-core';
import { type Guarded, guard, listen, nextTurn } from '../../base/guard.js';
import { freeMemory, newMemory } from '../../platform/platform.js';
import type { PacketSink } from '../contract/contract.js';
import { COPY_LIMIT } from './lent-packet.js';
import { pin, pinForSending } from './pinned.js';
import { type StreamTransportOptions, splitterOptions } from './stream-transport-options.js';
import { TurnShare, waitForOthers } from './turn-share.js';

/** Chunks of so many bytes are worth giving back at once. */
const FREED_BYTES = 16 * 1024;

/** In place of that of a reader that is stopped. */
const NOTHING = new PacketSplitter();

/** What a reader tells its transport. */
export interface ReaderOwner extends Guarded {
  /** The peer sends nothing more, and the sink does not ask to be told. */
  peerEnded(): void;
  endedInsidePacket(): void;
  /** All that can be read for now is read. */
  caughtUp(): void;
}

/**
 * The reading side of a byte stream: chunks in, packets out to the sink, without a copy. It reads while neither the sink has
 * paused it nor its share of the turn is used up.
 */
export class StreamReader {
  sink: PacketSink | undefined;
  private readonly share = new TurnShare();
  /** `broken`: the sink has been told that no packet can be found any more. `stopped`: whatever comes is dropped. */
  private state: 'open' | 'delivering' | 'broken' | 'stopped' = 'open';
  /** The peer's direction of the stream; `told`: the sink knows of its end. */
  private peer: 'sends' | 'ended' | 'told' = 'sends';
  /** `yielding`: reading goes on in the next turn of the event loop. `resting`: not even then, as the sink has paused it, too. */
  private flow: 'reading' | 'paused' | 'yielding' | 'resting' = 'paused';
  private splitter: PacketSplitter;

  constructor(
    private readonly stream: Duplex,
    options: Pick<StreamTransportOptions, 'maxPacketBytes' | 'revision' | 'ownsReads'>,
    private readonly owner: ReaderOwner,
  ) {
    const splitter = new PacketSplitter(splitterOptions(options));
    splitter.allocate = roomFor;
    if (options.ownsReads === true) splitter.copied = giveBack;
    splitter.oversized = (head, fault) => this.sink?.oversized?.(head, fault) ?? false;
    this.splitter = splitter;
  }

  /** Hears of the stream from now on; reads when it is resumed. */
  listen(): void {
    const { stream } = this;
    listen(this.owner, stream, 'data', this.received, this);
    stream.pause();
    listen(this.owner, stream, 'end', this.ended, this);
  }

  /** Bytes of a packet that has begun to arrive, as long as more of it could be read. */
  get unfinishedBytes(): number {
    if (this.flow !== 'reading' || this.peer !== 'sends') return 0;
    if (this.state === 'delivering' || this.state === 'stopped') return 0;
    return this.splitter.bufferedBytes + (this.splitter.isSkipping ? 1 : 0);
  }

  /** Whether something has come that is still to be delivered, although the stream may be over. */
  get hasMore(): boolean {
    if (this.state === 'stopped' || this.splitter.bufferedBytes === 0) return false;
    return this.flow === 'yielding' || this.flow === 'resting' || (this.flow === 'paused' && this.peer !== 'sends');
  }

  limitPackets(maxBytes: number): void {
    this.splitter.maxPacketBytes = maxBytes;
  }

  speak(revision: Revision): void {
    if (this.state !== 'stopped') this.splitter.revision = revision;
  }

  pause(): void {
    if (this.isPaused) return;
    this.flow = this.flow === 'reading' ? 'paused' : 'resting';
    this.stream.pause();
  }

  /** Not before there is a sink: what came would wait without a bound. */
  resume(): void {
    if (!this.isPaused || this.sink === undefined) return;
    this.flow = this.flow === 'paused' ? 'reading' : 'yielding';
    guard(this.owner, () => this.readOn());
  }

  /** Nothing is delivered any more, and what has come of a packet is let go of: the transport may be held for long. */
  stop(): void {
    this.state = 'stopped';
    this.splitter = NOTHING;
  }

  /** What still comes is read to see the end, and dropped. */
  drain(): void {
    this.stream.resume();
  }

  /** The peer has ended its direction. */
  ended(): void {
    if (this.peer === 'sends') this.peer = 'ended';
    this.checkEnd();
    if (this.sink?.peerEnded !== undefined) this.tellEnded();
    else this.owner.peerEnded();
  }

  /** Whether the sink has paused it. */
  private get isPaused(): boolean {
    return this.flow === 'paused' || this.flow === 'resting';
  }

  private received(chunk: Buffer): void {
    if (this.state === 'stopped') return;
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
    if (sink === undefined || this.state !== 'open') return;
    this.state = 'delivering';
    const isOneOfMany = sink.isOneOfMany === true;
    let marked: Uint8Array | undefined;
    try {
      while (this.flow === 'reading' && this.state === 'delivering') {
        const packet = this.splitter.next();
        if (packet === undefined) break;
        // The packet gives access to the whole chunk, where other packets lie, too.
        if (packet.bytes !== marked) {
          marked = packet.bytes;
          // Large bodies may be answered with: they are sent on without a copy.
          if (packet.bodyLength > COPY_LIMIT) pinForSending(marked.buffer);
          else pin(marked.buffer);
        }
        sink.packet(packet);
        if (this.share.isUsedUp(isOneOfMany)) this.letOthersGo(isOneOfMany);
      }
    } finally {
      if (this.state === 'delivering') this.state = 'open';
    }
    if (this.splitter.fault !== undefined && this.state === 'open') {
      this.state = 'broken';
      sink.broken(this.splitter.fault, this.splitter.foreignBytes);
    }
  }

  private readOn(): void {
    if (this.flow !== 'reading') return;
    this.deliver();
    if (this.flow === 'reading') this.stream.resume();
    this.checkEnd();
    this.tellEnded();
    this.owner.caughtUp();
  }

  /** What has come and what still comes waits until all others have been read once; of many, those that wait already, too. */
  private letOthersGo(isOneOfMany: boolean): void {
    this.flow = this.flow === 'paused' ? 'resting' : 'yielding';
    this.stream.pause();
    const goOn = () => {
      this.flow = this.flow === 'resting' ? 'paused' : 'reading';
      this.share.renew();
      if (this.flow === 'paused') this.owner.caughtUp();
      else this.readOn();
    };
    if (isOneOfMany) waitForOthers(this.owner, goOn);
    else nextTurn(this.owner, goOn);
  }

  private checkEnd(): void {
    if (this.peer === 'sends' || this.flow !== 'reading' || this.state === 'stopped') return;
    if (this.splitter.bufferedBytes > 0) this.owner.endedInsidePacket();
  }

  /** Not before everything is delivered that came before the end. */
  private tellEnded(): void {
    const { sink } = this;
    if (this.peer !== 'ended' || this.flow !== 'reading' || this.state === 'stopped') return;
    if (sink?.peerEnded === undefined) return;
    this.peer = 'told';
    sink.peerEnded();
  }
}

/** For a packet: a plain array of bytes, so that it is the same whatever way the packet came. */
function roomFor(bytes: number): Uint8Array {
  return new Uint8Array(newMemory(bytes).buffer);
}

/** Most of a large body comes in chunks that hold nothing else, and are not needed once they have been copied. */
function giveBack(chunk: Uint8Array): void {
  const { buffer, byteLength } = chunk;
  if (byteLength >= FREED_BYTES && byteLength === buffer.byteLength) freeMemory(buffer as ArrayBuffer);
}
