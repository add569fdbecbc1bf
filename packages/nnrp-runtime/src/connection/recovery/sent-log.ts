import { IdMap } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { aside, type Guarded } from '../../base/guard.js';
import { Line } from '../../base/queues/line.js';
import type { Timer } from '../../platform/platform.js';
import type { FramedTransport } from '../../transport/contract/contract.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import type { SentListener, SentMemory, SentPiece } from '../../transport/contract/sent-pieces.js';
import { HeaderWalk } from './header-walk.js';
import { isLogMemoryScarce } from './log-chunk.js';
import { LoggedPacket } from './logged-packet.js';
import { SentBytes, type SentPacket } from './sent-bytes.js';
import type { SentCount } from './sent-count.js';
import { SentCounts } from './sent-counts.js';

/** A fence is due when so many bytes have been sent since the last one and none is under way ... */
const FENCE_BYTES = 256 * 1024;
/** ... or so many although one is, so that a long way holds up nothing ... */
const FENCE_BYTES_BEHIND = 1024 * 1024;
/** ... or when something has been unconfirmed for so many milliseconds. */
const FENCE_MS = 250;
/** Bytes that may be unconfirmed before the sender has to wait ... */
export const WINDOW_BYTES = 8 * 1024 * 1024;
/** ... and while all logs together hold a great deal. */
const SCARCE_WINDOW_BYTES = 256 * 1024;

/** What a log asks of its connection. */
export interface SentLogOwner extends Guarded {
  /** Send a PING now: its PONG confirms what was sent before it. */
  fence(): void;
  /** Less than half of what may be unconfirmed is so, after `isFull`. */
  confirmedRoom(): void;
}

interface Arrival {
  /** How many fences had left before: the answer to one of those shows nothing. */
  readonly after: number;
  readonly then: () => void;
}

/**
 * What was sent on one connection for sessions that can be resumed, until the peer is known to have it. PINGs are fences:
 * a PONG says that all before its PING has arrived.
 *
 * It reads what was sent from the bytes that the transport hands on, many packets at a time. So it costs no more than
 * a look at each header, and a copy where what was sent does not fill the memory of the transport, and what is counted cannot differ from what is kept.
 */
export class SentLog implements SentListener {
  /** Whether so much is unconfirmed that the sender should wait. */
  isFull = false;
  /** Whether a fence should go before what is sent next. */
  isFenceDue = false;
  /** Whether the transport does not say what it was given: then it is sent what `keep` gives. */
  readonly keepsItself: boolean;
  /** Undefined while nothing is under way, like the lists below: most connections idle nearly always. */
  private bytes: SentBytes | undefined;
  private readonly headers = new HeaderWalk(this);
  /** Where each PING ends that has no PONG yet. */
  private fences: Line<number> | undefined;
  /** Where the last of them ends. */
  private lastFence = 0;
  /** All before this is confirmed. */
  private confirmedTo = 0;
  /** Where it was full: what comes behind that while it is has gone ahead of what waits. */
  private fullFrom = 0;
  private readonly counts = new SentCounts();
  /** Sessions whose acknowledgement has not left: what comes before it belongs to an earlier session of the same id. */
  private unopened: Map<number, SentCount> | undefined;
  private recent: SentCount | undefined;
  private recentId = 0;
  /** What is to be done when all that was sent by a certain point has arrived. */
  private arrivals: Line<Arrival> | undefined;
  private fencesAnswered = 0;
  private timer: Timer | undefined;
  /** Something was sent behind the last fence that should be confirmed. */
  private isOpen = false;
  /** One was asked for that has not left: the transport may have no room. */
  private isFenceAsked = false;
  private isOver = false;
  /** What `sentBySession` gives, and how much was sent by then. */
  private found: { readonly at: number; readonly bySession: IdMap<SentPacket[]> } | undefined;

  /** Not made inside a `send` of the transport. */
  constructor(
    private readonly owner: SentLogOwner,
    private readonly transport: Pick<FramedTransport, 'tellSent' | 'settleSent'>,
    /** PINGs that have left before, whose PONGs are still to come. */
    private owed = 0,
    private readonly windowBytes = WINDOW_BYTES,
  ) {
    this.keepsItself = transport.tellSent === undefined;
    transport.tellSent?.(this);
  }

  /**
   * Whether so much has gone ahead of what waits that not even answers to the peer's PINGs do any more. How much was sent before
   * does not matter: one packet may be longer than the window, at both ends, and each would wait for the other's PONG.
   */
  get isOverfull(): boolean {
    return this.isFull && (this.headers.place - this.fullFrom) * 4 >= this.windowBytes;
  }

  /** Bytes that are unconfirmed, with those that are kept because they lie in the same memory. */
  get byteLength(): number {
    return this.headers.place - this.confirmedTo + (this.bytes?.unusedBytes ?? 0);
  }

  /**
   * Counts what is sent for a session from now on, or from the SESSION_OPEN_ACK on that opens or resumes it. Not called inside
   * a `send` of the transport, like all below.
   * @param count - goes on from what it is
   */
  begin(count: SentCount, from: 'now' | 'open_ack'): void {
    const { sessionId } = count;
    if (from === 'now') {
      this.settle();
      this.open(count, this.headers.place);
      return;
    }
    if (this.unopened?.has(sessionId)) this.settle();
    this.unopened ??= new Map();
    this.unopened.set(sessionId, count);
  }

  /** The session is over or has left: what was sent for it is not asked for any more. */
  forget(count: SentCount): void {
    const { sessionId } = count;
    // An acknowledgement that has not left must not be taken for that of a later session.
    if (this.unopened?.get(sessionId) === count) this.settle();
    this.forgetRecent();
    this.counts.delete(count);
    if (this.unopened?.get(sessionId) === count) this.noLongerUnopened(sessionId);
  }

  /**
   * For a transport that does not say what it was given, before it is.
   * @returns the packet to be sent @throws what `writeHead` throws, and UsageError when the body has grown meanwhile
   */
  keep(packet: NamedPacket): LoggedPacket {
    const kept = LoggedPacket.of(packet);
    this.append([kept.head, kept.body]);
    return kept;
  }

  append(pieces: readonly SentPiece[], memory?: readonly SentMemory[]): void {
    if (this.isOver) return;
    const start = this.headers.place;
    this.count(pieces);
    if (this.isSettled) this.letGo();
    else this.keepBytes(pieces, memory, start);
    if (this.isOpen) this.timer ??= aside(this.owner, FENCE_MS, () => this.fenceInTime());
    this.look();
  }

  packetSent(messageType: number, sessionId: number, frameId: number, end: number): void {
    if (sessionId === 0) {
      if (messageType === MessageType.Ping) this.fenceLeft(end);
      return;
    }
    const count = sessionId === this.recentId ? this.recent : this.countOf(sessionId);
    if (messageType === MessageType.SessionOpenAck) this.openAnswerLeft(sessionId, end);
    if (count === undefined || isUncounted(messageType)) return;
    this.isOpen = true;
    count.packets++;
    if (messageType === MessageType.FrameSubmit) count.lastSubmit = frameId;
  }

  /** Has the owner send one. */
  fence(): void {
    this.isFenceAsked = true;
    this.isFenceDue = false;
    this.owner.fence();
  }

  /** A PONG has come: all before its PING has arrived. */
  confirmed(): void {
    if (this.owed > 0) {
      this.owed--;
      return;
    }
    const { fences } = this;
    if (fences === undefined || fences.size === 0) return;
    this.confirmedTo = fences.take();
    this.bytes?.trim(this.confirmedTo);
    this.found = undefined;
    const answered = ++this.fencesAnswered;
    while ((this.arrivals?.first?.after ?? answered) < answered) this.arrivals?.take().then();
    if (this.isSettled) this.letGo();
    const wasFull = this.isFull;
    this.isFull = wasFull && this.byteLength * 2 >= this.window;
    this.look();
    if (wasFull && !this.isFull) this.owner.confirmedRoom();
    if (this.isFenceDue) this.fence();
  }

  /** Calls back when all that has been sent so far has arrived, as the next fence shows; never when the connection ends first. */
  whenArrived(then: () => void): void {
    if (this.isOver) return;
    this.settle();
    this.arrivals ??= new Line();
    this.arrivals.push({ after: this.fencesAnswered + (this.fences?.size ?? 0), then });
    this.isOpen = true;
    this.timer ??= aside(this.owner, FENCE_MS, () => this.fenceInTime());
  }

  /** The transport has left a packet out, because its body was transferred or resized: the peer never counts it. */
  leftOut(sessionId: number, frameId: number): void {
    const count = this.counts.get(sessionId);
    this.found = undefined;
    if (this.bytes?.leaveOut(sessionId, frameId) && count !== undefined) count.packets--;
  }

  /** What was sent for a session and is not confirmed, in order, each in memory of its own. */
  unconfirmed({ sessionId, from, to }: SentCount): LoggedPacket[] {
    this.settle();
    const sent = this.sentBySession().get(sessionId) ?? [];
    return sent.filter(({ place }) => place >= from && place < to).map(({ packet }) => packet);
  }

  /** The connection is over, and its sessions have what was kept for them. */
  close(): void {
    this.isOver = true;
    this.isFull = false;
    this.isFenceDue = false;
    clearTimeout(this.timer);
    this.dropBytes();
    this.fences = undefined;
    this.arrivals = undefined;
    this.found = undefined;
  }

  /** Hears of everything that the transport was given so far. */
  private settle(): void {
    this.transport.settleSent?.();
  }

  /** After something has been sent or confirmed. */
  protected look(): void {
    // Only a PONG makes room. Senders that wait for room are told then.
    if (!this.isFull && this.byteLength >= this.window) {
      this.isFull = true;
      this.fullFrom = this.headers.place;
    }
    const behind = this.headers.place - this.lastFence;
    const isDue = (this.fences?.size ?? 0) === 0 ? behind >= FENCE_BYTES || this.isFull : behind >= FENCE_BYTES_BEHIND;
    this.isFenceDue = isDue && this.isOpen && !this.isFenceAsked && !this.isOver;
  }

  private count(pieces: readonly SentPiece[]): void {
    const { headers } = this;
    for (const piece of pieces) {
      if (ArrayBuffer.isView(piece)) {
        headers.walk(piece);
      } else {
        headers.walk(piece.head);
        headers.skip(piece.bodyLength);
      }
    }
  }

  /** @param start - how many bytes were sent before them */
  private keepBytes(pieces: readonly SentPiece[], memory: readonly SentMemory[] | undefined, start: number): void {
    const bytes = this.bytes ?? new SentBytes(start);
    this.bytes = bytes;
    for (const piece of pieces) {
      if (ArrayBuffer.isView(piece)) {
        bytes.append(piece, memory);
      } else {
        bytes.append(piece.head);
        bytes.append(piece.body);
      }
    }
  }

  /** Whether all that counts has arrived: what was sent besides need not be kept. */
  private get isSettled(): boolean {
    return !this.isOpen && (this.fences?.size ?? 0) === 0 && this.headers.isBetweenPackets;
  }

  private letGo(): void {
    this.fences = undefined;
    if (this.arrivals?.size === 0) this.arrivals = undefined;
    this.lastFence = this.headers.place;
    this.dropBytes();
  }

  private dropBytes(): void {
    this.confirmedTo = this.headers.place;
    this.bytes?.clear();
    this.bytes = undefined;
    this.found = undefined;
  }

  private get window(): number {
    return isLogMemoryScarce() ? Math.min(SCARCE_WINDOW_BYTES, this.windowBytes) : this.windowBytes;
  }

  /** All sessions of a connection are asked for one after the other, when it is lost: what was sent is gone through once. */
  private sentBySession(): IdMap<SentPacket[]> {
    const at = this.headers.place;
    if (this.found?.at === at) return this.found.bySession;
    const bySession = new IdMap<SentPacket[]>();
    for (const sent of this.bytes?.packets((id) => this.counts.get(id) !== undefined) ?? []) {
      const { messageType, sessionId } = sent.packet;
      if (isUncounted(messageType)) continue;
      const ofSession = bySession.get(sessionId);
      if (ofSession === undefined) bySession.set(sessionId, [sent]);
      else ofSession.push(sent);
    }
    this.found = { at, bySession };
    return bySession;
  }

  private countOf(sessionId: number): SentCount | undefined {
    this.recent = this.counts.get(sessionId);
    this.recentId = sessionId;
    return this.recent;
  }

  private openAnswerLeft(sessionId: number, end: number): void {
    const count = this.unopened?.get(sessionId);
    if (count === undefined) return;
    this.noLongerUnopened(sessionId);
    this.open(count, end);
  }

  private noLongerUnopened(sessionId: number): void {
    this.unopened?.delete(sessionId);
    if (this.unopened?.size === 0) this.unopened = undefined;
  }

  private open(count: SentCount, from: number): void {
    const { sessionId } = count;
    this.forgetRecent();
    const before = this.counts.get(sessionId);
    if (before !== undefined) before.to = from;
    count.from = from;
    count.to = Number.POSITIVE_INFINITY;
    this.counts.set(count);
  }

  private forgetRecent(): void {
    this.recent = undefined;
    this.recentId = 0;
  }

  private fenceLeft(end: number): void {
    this.fences ??= new Line();
    this.fences.push(end);
    this.lastFence = end;
    this.isOpen = false;
    this.isFenceAsked = false;
  }

  private fenceInTime(): void {
    this.timer = undefined;
    if (this.isOpen && !this.isFenceAsked && !this.isOver) this.fence();
  }
}

/** Opens a session or answers that: both sides begin to count behind it. */
function isUncounted(messageType: number): boolean {
  return messageType === MessageType.SessionOpen || messageType === MessageType.SessionOpenAck;
}
