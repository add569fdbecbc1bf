import { trueLength } from '../../base/bytes.js';
import { EMPTY_LIST } from '../../base/queues/empty-list.js';
import type { OutboundPacket } from '../contract/contract.js';
import type { SentListener } from '../contract/sent-pieces.js';
import { CHUNK_BYTES, type Chunk, giveBack, takeChunk } from './chunk.js';
import { COPY_LIMIT, intact, LentPacket, lent } from './lent-packet.js';
import { isPinned } from './pinned.js';

/** What every packet begins with. */
const MAGIC = new TextEncoder().encode('NNRP');

/** Bytes in memory that is not written to any more, or a packet whose body still belongs to the application. */
export type Piece = Uint8Array | LentPacket;

/**
 * Collects the packets of one turn into as few pieces as possible. Heads and small bodies are written into chunks, which
 * all connections share.
 *
 * A stream that only borrows what it is given gets the chunks themselves, and large bodies are left where they are when
 * they are written at once, or cannot go away; chunks are handed back as soon as the network has taken them, so an idle
 * connection holds none. Any other stream may pass on what it gets at any time: it gets copies, and keeps them.
 */
export class WriteQueue {
  private pieces: Piece[] = EMPTY_LIST;
  private chunk: Chunk | undefined;
  /** Written so far in the chunk, and where the part begins that is not yet a piece. */
  private end = 0;
  private begin = 0;
  private queued = 0;
  private lending = false;
  private listener: SentListener | undefined;
  /** Bytes of the next packet that have been sent already. */
  private ahead = 0;
  /** Chunks that the pieces of the last `take` lie in. */
  private taken: Chunk[] = EMPTY_LIST;

  /**
   * @param borrows - whether the stream only borrows what it is given
   * @param writer - idle, what is added can be written at once; `looksLater`: what can go away is copied for it in any case
   */
  constructor(
    readonly borrows: boolean,
    private readonly writer: { readonly allWritten: boolean; readonly looksLater: boolean },
  ) {}

  /** Bytes added since the last `take`. */
  get byteLength(): number {
    return this.queued;
  }

  /** Whether a body waits here that is still the sender's. */
  get isLending(): boolean {
    return this.lending;
  }

  /** @throws what `writeHead` throws, and UsageError when the body has grown meanwhile; the queue is unchanged then */
  add(packet: OutboundPacket): void {
    const { headBytes, body } = packet;
    const length = packet.bodyLength ?? trueLength(body);
    const copied = length <= COPY_LIMIT ? length : 0;
    let { chunk } = this;
    if (chunk === undefined || this.end + headBytes + copied > CHUNK_BYTES) chunk = this.nextChunk();
    packet.writeHead(chunk.view, this.end, chunk.bytes);
    if (this.ahead > 0 || copied < length) {
      this.addLater(chunk, headBytes, intact(lent(body), length));
    } else {
      if (length > 0) {
        chunk.bytes.set(body, this.end + headBytes);
        intact(body, length);
      }
      this.end += headBytes + length;
    }
    this.queued += headBytes + length;
  }

  /** The pieces in order; the queue is empty afterwards. Call `written` or `leave` when they have been passed on. */
  take(): Piece[] {
    this.cut();
    if (this.chunk !== undefined) this.taken = added(this.taken, this.chunk);
    this.chunk = undefined;
    const { pieces } = this;
    this.pieces = EMPTY_LIST;
    this.queued = 0;
    this.lending = false;
    this.listener?.append(pieces, this.taken);
    if (!this.borrows) this.written();
    return pieces;
  }

  /** From now on tells of what is taken. */
  tellTo(listener: SentListener): void {
    if (this.ahead > 0) listener.append([MAGIC.subarray(0, this.ahead)]);
    this.listener = listener;
  }

  /** Takes what is here and passes nothing on: the stream takes no more. */
  drop(): void {
    this.take();
    this.written();
  }

  /** Tells of a packet that is not sent any more. */
  tellLate(packet: OutboundPacket): void {
    if (this.listener === undefined) return;
    this.add(packet);
    this.drop();
  }

  /** The next byte of a packet that does not exist yet, to be sent now; nothing when no more of it is known. */
  takeAhead(): Piece[] {
    if (this.ahead === MAGIC.length) return [];
    const pieces = [ownCopy(MAGIC.subarray(this.ahead, ++this.ahead))];
    this.listener?.append(pieces);
    return pieces;
  }

  /** What was taken has left: its memory can be used again. */
  written(): void {
    if (this.taken.length === 0) return;
    giveBack(this.taken);
    this.taken = EMPTY_LIST;
  }

  /** What was taken is on its way. @returns the memory it lies in */
  leave(): Chunk[] {
    const { taken } = this;
    this.taken = EMPTY_LIST;
    return taken;
  }

  private addLater(chunk: Chunk, headBytes: number, body: Uint8Array): void {
    if (this.ahead > 0) this.addRest(headBytes, body);
    else this.addLarge(chunk, headBytes, body);
  }

  /** @param body - of fixed length */
  private addLarge(chunk: Chunk, headBytes: number, body: Uint8Array): void {
    if (!this.borrows) {
      this.end += headBytes;
      this.cut();
      this.pieces = added(this.pieces, ownCopy(body));
      return;
    }
    // What has to wait is copied: a frame's last answer may follow, and must not arrive without it. Where the writer would copy
    // it as well, one copy serves it and the listener.
    const { writer } = this;
    const isCopied = !writer.allWritten || (writer.looksLater && this.listener !== undefined);
    if (isCopied && !isPinned(body.buffer)) {
      this.end += headBytes;
      this.copyIn(chunk, body);
      return;
    }
    this.cut();
    this.end += headBytes;
    this.begin = this.end;
    const head = chunk.bytes.subarray(this.end - headBytes, this.end);
    this.pieces = added(this.pieces, new LentPacket(head, body));
    this.lending = true;
  }

  /** Chunk by chunk: they are at hand, and are handed back. */
  private copyIn(first: Chunk, body: Uint8Array): void {
    let chunk = first;
    for (let from = 0; from < body.length; ) {
      if (this.end === CHUNK_BYTES) chunk = this.nextChunk();
      const count = Math.min(body.length - from, CHUNK_BYTES - this.end);
      chunk.bytes.set(body.subarray(from, from + count), this.end);
      this.end += count;
      from += count;
    }
  }

  /** A packet whose beginning has been sent. It cannot be left out any more, so its body is copied. */
  private addRest(headBytes: number, body: Uint8Array): void {
    this.cut();
    this.begin += this.ahead;
    this.end += headBytes;
    this.ahead = 0;
    this.cut();
    if (body.length > 0) this.pieces = added(this.pieces, ownCopy(body));
  }

  private nextChunk(): Chunk {
    if (this.chunk !== undefined) {
      this.cut();
      this.taken = added(this.taken, this.chunk);
    }
    this.chunk = takeChunk();
    this.begin = 0;
    this.end = 0;
    return this.chunk;
  }

  private cut(): void {
    if (this.chunk === undefined || this.end === this.begin) return;
    const piece = this.chunk.bytes.subarray(this.begin, this.end);
    this.pieces = added(this.pieces, this.borrows ? piece : ownCopy(piece));
    this.begin = this.end;
  }
}

/** The list with one more: most get one, for which the first `push` into an empty list would make room for seventeen. */
function added<Item>(list: Item[], item: Item): Item[] {
  if (list.length === 0) return [item];
  list.push(item);
  return list;
}

/** Each in memory of its own, so that a stream that gets one cannot reach another. */
function ownCopy(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
