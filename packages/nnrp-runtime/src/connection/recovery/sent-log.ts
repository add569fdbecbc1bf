import { IdMap } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { trueLength } from '../../base/bytes.js';
import { type Guarded, later, nextTurn } from '../../base/guard.js';
import { Line } from '../../base/queues/line.js';
import type { OutboundPacket } from '../../transport/contract/contract.js';
import { COPY_LIMIT, copyIntact, intact, lent } from '../../transport/stream/lent-packet.js';
import { giveLogChunkBack, type LogChunk, takeLogChunk } from './log-chunk.js';
import { LoggedPacket } from './logged-packet.js';

const AT = preview3.COMMON_HEADER_OFFSETS;
const HEADER_BYTES = preview3.COMMON_HEADER_BYTES;

/** A fence is due when so many bytes have been sent since the last one and none is under way ... */
const FENCE_BYTES = 64 * 1024;
/** ... or so many although one is, so that a long way holds up nothing ... */
const FENCE_BYTES_BEHIND = 512 * 1024;
/** ... or when something has been unconfirmed for so many milliseconds. */
const FENCE_MS = 250;
/** Bytes that may be unconfirmed before the sender has to wait. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/** How many packets of a session have been sent since it was opened, as the peer counts those that it receives. */
export class SentCount {
  packets = 0;
  /** Frame of the last FRAME_SUBMIT among them; 0 before the first. */
  lastSubmit = 0;
  /** For the log: between which bytes of all that was logged its packets lie; ids are used again. */
  from = 0;
  to = Number.POSITIVE_INFINITY;

  constructor(readonly sessionId: number) {}
}

/** What a log asks of its connection. */
export interface SentLogOwner extends Guarded {
  /** Send a PING now: its PONG confirms what was sent before it. Not called inside `add`. */
  fence(): void;
  /** Less than half of what may be unconfirmed is so, after `isFull`. */
  confirmedRoom(): void;
}

/** A body that is too long to be copied, and where its head stands. */
interface LentBody {
  /** Of its head, counted over all that was logged. */
  readonly at: number;
  readonly body: Uint8Array;
  readonly length: number;
  readonly frameId: number;
  readonly count: SentCount;
  /** The transport has left it out, so that it does not count. */
  isLeftOut: boolean;
}

interface Arrival {
  /** How many fences had left before: the answer to one of those shows nothing. */
  readonly after: number;
  readonly then: () => void;
}

/**
 * The packets that were sent on one connection for sessions that can be resumed, in the order in which they left, until the
 * peer is known to have them. PINGs are fences: they pass by here in their place among the packets, and a PONG says that
 * all before its PING has arrived.
 *
 * Packets lie one behind the other in chunks, heads and short bodies copied, so that keeping one costs two copies of a few
 * hundred bytes and no object. Long bodies are lent, as they are to the transport.
 */
export class SentLog {
  private readonly chunks = new Line<LogChunk>();
  private last: LogChunk | undefined;
  private readonly lentBodies = new Line<LentBody>();
  private lentBytes = 0;
  /** Where each PING stands that has no PONG yet, counted over all that was logged. */
  private readonly fences = new Line<number>();
  /** All before this is confirmed, counted like the next one. */
  private confirmedTo = 0;
  private end = 0;
  private readonly counts = new IdMap<SentCount>();
  /** Sessions whose acknowledgement has not left: what comes before it belongs to an earlier session of the same id. */
  private readonly unopened = new IdMap<SentCount>();
  private recent: SentCount | undefined;
  private recentId = 0;
  /** What is to be done when all that was sent by a certain point has arrived. */
  private readonly arrivals = new Line<Arrival>();
  private fencesAnswered = 0;
  private sinceFence = 0;
  private timer: NodeJS.Timeout | undefined;
  private isFenceDue = false;
  private wasFull = false;
  private isOver = false;

  constructor(
    private readonly owner: SentLogOwner,
    private readonly windowBytes = WINDOW_BYTES,
  ) {}

  /** Bytes that are kept. */
  get byteLength(): number {
    return this.end - this.confirmedTo + this.lentBytes;
  }

  /** Whether so much is unconfirmed that the sender should wait. */
  get isFull(): boolean {
    const isFull = this.byteLength >= this.windowBytes;
    if (isFull) this.wasFull = true;
    return isFull;
  }

  /**
   * Keeps what is sent for a session from now on, or from the SESSION_OPEN_ACK on that opens or resumes it.
   * @param count - goes on from what it is
   */
  begin(count: SentCount, from: 'now' | 'open_ack'): void {
    if (from === 'now') this.open(count);
    else this.unopened.set(count.sessionId, count);
  }

  /** The session is over or has left: what was sent for it is not asked for any more. */
  forget(count: SentCount): void {
    const { sessionId } = count;
    this.forgetRecent();
    if (this.counts.get(sessionId) === count) this.counts.delete(sessionId);
    if (this.unopened.get(sessionId) === count) this.unopened.delete(sessionId);
  }

  /**
   * A packet is about to be handed to the transport.
   * @throws what `writeHead` throws, and UsageError when the body has grown meanwhile; nothing is kept then
   */
  add(packet: OutboundPacket): void {
    if (this.isOver) return;
    const { headBytes, body } = packet;
    const length = packet.bodyLength ?? trueLength(body);
    const copied = length <= COPY_LIMIT ? length : 0;
    let chunk = this.last;
    if (chunk === undefined || chunk.used + headBytes + copied > chunk.bytes.length) {
      chunk = this.nextChunk(headBytes + copied);
    }
    const start = chunk.used;
    packet.writeHead(chunk.view, start, chunk.bytes);
    const sessionId = chunk.view.getUint32(start + AT.sessionId, true);
    const messageType = chunk.bytes[start + AT.messageType];
    if (sessionId === 0) {
      if (messageType === MessageType.Ping) this.fenceLeaves();
      return;
    }
    if (messageType === MessageType.SessionOpenAck || messageType === MessageType.SessionOpen) {
      this.openAnswerLeaves(sessionId);
      return;
    }
    const count = sessionId === this.recentId ? this.recent : this.countOf(sessionId);
    if (count === undefined) return;
    if (copied > 0) copyIntact(body, copied, chunk.bytes, start + headBytes);
    else if (length > 0)
      this.lend(intact(lent(body), length), length, count, chunk.view.getUint32(start + AT.frameId, true));
    count.packets++;
    if (messageType === MessageType.FrameSubmit) count.lastSubmit = chunk.view.getUint32(start + AT.frameId, true);
    chunk.used += headBytes + copied;
    this.end += headBytes + copied;
    this.added(headBytes + length);
  }

  /** A PONG has come: all before its PING has arrived. */
  confirmed(): void {
    if (this.fences.size === 0) return;
    const to = this.fences.take();
    this.confirmedTo = to;
    const answered = ++this.fencesAnswered;
    for (let next = this.arrivals.first; next !== undefined && next.after < answered; next = this.arrivals.first) {
      this.arrivals.take().then();
    }
    for (let lentBody = this.lentBodies.first; lentBody !== undefined && lentBody.at < to; ) {
      this.lentBytes -= lentBody.length;
      this.lentBodies.take();
      lentBody = this.lentBodies.first;
    }
    for (let chunk = this.chunks.first; chunk !== undefined && chunk.base + chunk.used <= to; ) {
      this.chunks.take();
      if (chunk === this.last) this.last = undefined;
      giveLogChunkBack(chunk);
      chunk = this.chunks.first;
    }
    if (this.wasFull && this.byteLength * 2 < this.windowBytes) {
      this.wasFull = false;
      this.owner.confirmedRoom();
    }
  }

  /** Calls back when all that has been sent so far has arrived, as the next fence shows; never when the connection ends first. */
  whenArrived(then: () => void): void {
    if (this.isOver) return;
    this.arrivals.push({ after: this.fencesAnswered + this.fences.size, then });
    this.sinceFence++;
    this.timer ??= later(this.owner, FENCE_MS, () => this.fence()).unref();
  }

  /** The transport has left a packet out, because its body was transferred or resized: the peer never counts it. */
  leftOut(sessionId: number, frameId: number): void {
    for (const lentBody of this.lentBodies) {
      const isIt = lentBody.frameId === frameId && lentBody.count.sessionId === sessionId;
      if (!isIt || lentBody.isLeftOut || lentBody.body.length === lentBody.length) continue;
      lentBody.isLeftOut = true;
      lentBody.count.packets--;
      return;
    }
  }

  /** What was sent for a session and is not confirmed, in order, each in memory of its own. */
  unconfirmed({ sessionId, from, to }: SentCount): LoggedPacket[] {
    const packets: LoggedPacket[] = [];
    const lentBodies = [...this.lentBodies];
    let nextLent = 0;
    for (const chunk of this.chunks) {
      let at = Math.max(0, this.confirmedTo - chunk.base);
      while (at < chunk.used) {
        const headBytes = HEADER_BYTES + chunk.view.getUint32(at + AT.metaLen, true);
        const bodyLength = chunk.view.getUint32(at + AT.bodyLen, true);
        const copied = bodyLength <= COPY_LIMIT ? bodyLength : 0;
        const lentBody = copied === bodyLength ? undefined : lentBodies[nextLent++];
        const place = chunk.base + at;
        if (chunk.view.getUint32(at + AT.sessionId, true) === sessionId && place >= from && place < to) {
          const bytes = new Uint8Array(chunk.bytes.subarray(at, at + headBytes + copied));
          if (lentBody?.isLeftOut !== true)
            packets.push(new LoggedPacket(bytes, headBytes, bodyLength, lentBody?.body));
        }
        at += headBytes + copied;
      }
    }
    return packets;
  }

  /** The connection is over, and its sessions have what was kept for them. */
  close(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    for (const chunk of this.chunks.drain()) giveLogChunkBack(chunk);
    this.last = undefined;
    this.lentBodies.drain();
    this.lentBytes = 0;
    this.fences.drain();
    this.arrivals.drain();
    this.confirmedTo = this.end;
  }

  private nextChunk(bytes: number): LogChunk {
    const chunk = takeLogChunk(this.chunks.size === 0, bytes);
    chunk.base = this.end;
    // One that nothing was written into takes no place: the next one would have the same base.
    if (this.last !== undefined && this.last.used === 0) this.dropLast();
    this.chunks.push(chunk);
    this.last = chunk;
    return chunk;
  }

  private dropLast(): void {
    const { last } = this;
    if (last === undefined) return;
    this.chunks.remove(last);
    giveLogChunkBack(last);
  }

  private lend(body: Uint8Array, length: number, count: SentCount, frameId: number): void {
    this.lentBodies.push({ at: this.end, body, length, frameId, count, isLeftOut: false });
    this.lentBytes += length;
  }

  private countOf(sessionId: number): SentCount | undefined {
    this.recent = this.counts.get(sessionId);
    this.recentId = sessionId;
    return this.recent;
  }

  private openAnswerLeaves(sessionId: number): void {
    const count = this.unopened.get(sessionId);
    if (count === undefined) return;
    this.unopened.delete(sessionId);
    this.open(count);
  }

  private open(count: SentCount): void {
    const { sessionId } = count;
    this.forgetRecent();
    const before = this.counts.get(sessionId);
    if (before !== undefined) before.to = this.end;
    count.from = this.end;
    count.to = Number.POSITIVE_INFINITY;
    this.counts.set(sessionId, count);
  }

  private forgetRecent(): void {
    this.recent = undefined;
    this.recentId = 0;
  }

  private fenceLeaves(): void {
    this.fences.push(this.end);
    this.sinceFence = 0;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private added(bytes: number): void {
    this.sinceFence += bytes;
    if (this.sinceFence >= (this.fences.size === 0 ? FENCE_BYTES : FENCE_BYTES_BEHIND)) this.fenceSoon();
    else this.timer ??= later(this.owner, FENCE_MS, () => this.fence()).unref();
  }

  private fenceSoon(): void {
    if (this.isFenceDue) return;
    this.isFenceDue = true;
    nextTurn(this.owner, () => {
      this.isFenceDue = false;
      this.fence();
    });
  }

  private fence(): void {
    this.timer = undefined;
    if (!this.isOver && this.sinceFence > 0) this.owner.fence();
  }
}
