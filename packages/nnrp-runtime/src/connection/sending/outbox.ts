import { forCaller, type NnrpError, type Packet, type UsageError } from 'nnrp-core';
import { afterThis, type Guarded, guard, nextTurn } from '../../base/guard.js';
import { ignoreRejection, SETTLED } from '../../base/promises/settled.js';
import type { FramedTransport } from '../../transport/contract/contract.js';
import type { NamedPacket } from '../../transport/contract/named-packet.js';
import type { SentLog } from '../recovery/sent-log.js';
import { OutboxLane } from './outbox-lane.js';
import { WaitingPacket } from './waiting-packet.js';

/**
 * Which of several senders goes first when there is no room for all: the connection's own messages, then sessions by
 * priority class (class + 1).
 */
export type Lane = number;
export const CONTROL_LANE: Lane = 0;
const LANES = 4;

/** What becomes of a peer that reads slower than it is sent to. */
export type SlowReaderPolicy = 'disconnect' | 'drop_oldest_partial';

export interface OutboxLimits {
  /** Bytes that may be held for what waits, on top of what the transport takes; with what each packet takes besides its own. */
  readonly maxOutboxBytes: number;
  /**
   * Up to here work and results may fill it; what is left up to `maxOutboxBytes` is for messages that do not wait. By how
   * much the packet that crosses it is too long does not count, or it would take their room.
   */
  readonly heldBackBytes: number;
  readonly slowReader: SlowReaderPolicy;
}

/** What an outbox tells its connection. */
export interface OutboxOwner extends Guarded {
  /** The packet is about to be handed to the transport. @throws what its `writeHead` throws; it is not sent then */
  packetLeaves(packet: NamedPacket): void;
  /** Whether the transport takes more, also where senders have to wait for something else. May say what it has said before. */
  transportIsFull(isFull: boolean): void;
  /** Half of what may wait here does: senders do not wait for room. */
  outboxHalfFull(): void;
  /** There is room again. */
  outboxDrained(): void;
  /** More waits than may wait, and nothing can be left out: the peer must go. */
  outboxOverflowed(): void;
  /** A partial result was left out to make room. */
  partialDropped(): void;
  /** A packet was left out because its body was transferred or resized while it waited here. Not called inside `send`. */
  leftOut(head: Packet, error: UsageError): void;
}

/** Calls that wait for the same room with promises of their own; those beyond it are of senders that do not wait. */
const MAX_OWN_PROMISES = 1024;

interface Drain {
  /** Calls that have promises of their own. */
  calls: number;
  /** For all others. */
  shared: Promise<void> | undefined;
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: NnrpError): void;
}

/**
 * What a connection has to send. While the transport has room, packets go straight to it. When it has none they wait
 * here, by lane and in bounded memory; a sender may await `whenDrained`, and is woken by lane too. What a call costs does
 * not depend on how much waits: that is for the peer to decide.
 */
export class Outbox {
  /** Partial results left out because the peer reads too slowly. */
  droppedPartials = 0;
  /** The transport is full, or the log. */
  private full = false;
  private isTransportFull = false;
  private lanes: OutboxLane[] | undefined;
  private waitingBytes = 0;
  /** By how much the packet that crossed `heldBackBytes` was too long. */
  private overshootBytes = 0;
  private drains: (Drain | undefined)[] | undefined;
  private ended: NnrpError | undefined;
  /** Operations whose results were left out of what waits, and why. */
  private spoilt: Map<string, UsageError> | undefined;
  /** Keeps what leaves here for sessions that can be resumed. */
  log: SentLog | undefined;

  constructor(
    private readonly transport: FramedTransport,
    private readonly limits: OutboxLimits,
    private readonly owner: OutboxOwner,
  ) {}

  /** Bytes that are held by what waits here, with what each packet takes besides its own; what the transport holds is not counted. */
  get byteLength(): number {
    return this.waitingBytes;
  }

  /** Whether senders are asked to wait. */
  get isFull(): boolean {
    return this.full;
  }

  /** @returns false when the sender should wait for `whenDrained`. @throws what `writeHead` throws; nothing is sent then */
  send(packet: NamedPacket, lane: Lane, partial: boolean): boolean {
    if (this.full) {
      this.wait(new WaitingPacket(packet, partial), lane);
      return false;
    }
    if (this.leaves(packet)) return true;
    this.full = true;
    if (this.isTransportFull) this.owner.transportIsFull(true);
    return false;
  }

  /**
   * Sends what makes room: a log that is full must not hold it up, or both sides would wait for each other. A PING goes although the
   * transport is full, too: few are sent, and what waits could be more than may go ahead.
   * @param isAnswer - to what the peer has sent, which may send as many as it likes
   */
  sendAhead(packet: NamedPacket, isAnswer: boolean): boolean {
    const { log } = this;
    if (log === undefined || !this.full || (isAnswer && (this.isTransportFull || log.isOverfull)))
      return this.send(packet, CONTROL_LANE, false);
    this.leaves(packet);
    if (this.isTransportFull) this.owner.transportIsFull(true);
    return true;
  }

  /** Whether something waits here because the transport takes no more. */
  get waitsForTransport(): boolean {
    return this.waitingBytes > 0 && (this.isTransportFull || this.log?.isFull !== true);
  }

  /** From now on keeps what is sent. What was asked before goes out first: the log counts the answers to its own fences alone. */
  beginLog(make: () => SentLog): void {
    if (this.log !== undefined) return;
    this.flushControl(() => false);
    this.log = make();
  }

  /** Before something is sent for a session: a fence leaves in one write with it. The connection may end inside of it. */
  fenceIfDue(): void {
    if (this.log?.isFenceDue === true) this.log.fence();
  }

  /** Resolves when there is room to send more on this lane; rejects when the connection ends first. */
  whenDrained(lane: Lane): Promise<void> {
    if (this.ended !== undefined) return ignoreRejection(Promise.reject(forCaller(this.ended)));
    if (!this.full) return SETTLED;
    this.drains ??= [];
    let drain = this.drains[lane];
    if (drain === undefined) {
      drain = makeDrain();
      this.drains[lane] = drain;
    }
    if (drain.calls++ < MAX_OWN_PROMISES) return ignoreRejection(drain.promise.catch(rejectForCaller));
    drain.shared ??= ignoreRejection(drain.promise.catch(rejectForCaller));
    return drain.shared;
  }

  /** The transport has room again. */
  drained(): void {
    this.isTransportFull = false;
    this.sendOn();
  }

  /** The log has room again. */
  confirmed(): void {
    if (!this.isTransportFull) this.sendOn();
  }

  private sendOn(): void {
    this.fenceIfDue();
    // A fence that waits here is what makes room in a log that is full.
    const isFlushed = this.log?.isFull === true ? this.flushAhead() : this.flush();
    // What is read from now on may be answered at once.
    if (isFlushed) this.full = false;
    // A log has room again when answers to fences have come: they have to be read.
    this.owner.transportIsFull(this.isTransportFull);
    if (!isFlushed) return;
    this.owner.outboxDrained();
    this.wake();
  }

  /** Leaves out what waits for a session that the peer does not know any more: its id may be that of another one soon. */
  dropSession(sessionId: number): void {
    for (const lane of this.lanes ?? []) for (const bytes of lane.dropSession(sessionId)) this.gone(bytes);
  }

  /** Hands everything to the transport, room or not: the connection is about to close. */
  flushAll(): void {
    // What is said of a packet that is left out may have to wait as well.
    while (this.lanes !== undefined) {
      for (const lane of this.takeLanes()) {
        for (let packet = lane.take(); packet !== undefined; packet = lane.take()) {
          if (this.isSpoilt(packet)) this.leaveOut(packet, (tell) => guard(this.owner, tell));
          else this.leaves(packet);
        }
      }
    }
  }

  end(error: NnrpError): void {
    if (this.ended !== undefined) return;
    this.ended = error;
    this.takeLanes();
    const { drains = [] } = this;
    this.drains = undefined;
    for (const drain of drains) drain?.reject(error);
  }

  /** @returns whether there is room for more */
  private leaves(packet: NamedPacket): boolean {
    const { log } = this;
    this.owner.packetLeaves(packet);
    const hasRoom = this.transport.send(log?.keepsItself === true ? log.keep(packet) : packet);
    if (!hasRoom) this.isTransportFull = true;
    if (log?.isFull !== true) return hasRoom;
    this.fenceIfDue();
    return false;
  }

  private takeLanes(): OutboxLane[] {
    const { lanes = [] } = this;
    this.lanes = undefined;
    this.waitingBytes = 0;
    this.overshootBytes = 0;
    return lanes;
  }

  private wait(packet: WaitingPacket, lane: Lane): void {
    if (this.ended !== undefined) return;
    while (this.waitingBytes - this.overshootBytes >= this.limits.maxOutboxBytes) {
      if (this.limits.slowReader === 'disconnect' || !this.dropOldestPartial()) {
        this.owner.outboxOverflowed();
        return;
      }
    }
    this.lanes ??= Array.from({ length: LANES }, () => new OutboxLane());
    this.lanes[lane]?.push(packet);
    const wasBelow = this.waitingBytes < this.limits.heldBackBytes;
    this.waitingBytes += packet.retainedBytes;
    if (wasBelow) this.overshootBytes = Math.max(0, this.waitingBytes - this.limits.heldBackBytes);
    if (this.waitingBytes * 2 >= this.limits.maxOutboxBytes) this.owner.outboxHalfFull();
  }

  private gone(bytes: number): void {
    this.waitingBytes -= bytes;
    if (this.waitingBytes < this.limits.heldBackBytes) this.overshootBytes = 0;
  }

  /** The least important lane gives first. */
  private dropOldestPartial(): boolean {
    for (let lane = LANES - 1; lane >= 0; lane--) {
      const dropped = this.lanes?.[lane]?.dropOldestPartial();
      if (dropped === undefined) continue;
      this.gone(dropped.retainedBytes);
      this.droppedPartials++;
      this.owner.partialDropped();
      return true;
    }
    return false;
  }

  /** @returns whether everything that waited has gone */
  private flush(): boolean {
    for (const lane of this.lanes ?? []) {
      for (let packet = lane.take(); packet !== undefined; packet = lane.take()) {
        this.gone(packet.retainedBytes);
        if (this.isSpoilt(packet)) this.leaveOut(packet);
        else if (!this.leaves(packet)) return false;
      }
    }
    this.lanes = undefined;
    this.spoilt = undefined;
    return true;
  }

  /** Its body has changed, or that of an earlier result of its frame: the rest without it would be taken for the whole. */
  private isSpoilt(packet: WaitingPacket): boolean {
    if (packet.isIntact && this.spoilt === undefined) return false;
    const { resultOf } = packet;
    if (packet.isIntact) return this.spoilt?.has(resultOf) === true;
    this.spoilt ??= new Map();
    if (resultOf !== '') this.spoilt.set(resultOf, packet.unsent().error);
    return true;
  }

  /** Sends what the peer needs before it can make room. */
  private flushAhead(): false {
    this.flushControl(() => this.isTransportFull || this.log?.isOverfull === true);
    return false;
  }

  private flushControl(isEnough: () => boolean): void {
    const lane = this.lanes?.[CONTROL_LANE];
    while (!isEnough()) {
      const packet = lane?.take();
      if (packet === undefined) break;
      this.gone(packet.retainedBytes);
      if (this.isSpoilt(packet)) this.leaveOut(packet);
      else this.leaves(packet);
    }
  }

  /** @param when - runs what tells of it; by default when the code that runs now has returned */
  private leaveOut(packet: WaitingPacket, when = (tell: () => void) => afterThis(this.owner, tell)): void {
    const { head, error: own } = packet.unsent();
    const isFollower = packet.isIntact;
    // Its operation has ended with the result that was left out before it, unless this was the last one.
    if (isFollower && packet.partial) return;
    const error = (isFollower && this.spoilt?.get(packet.resultOf)) || own;
    when(() => this.owner.leftOut(head, error));
  }

  /** One lane a turn, so that senders woken first can fill the room again before others are woken. */
  private wake(): void {
    const { drains } = this;
    if (drains === undefined) return;
    for (let lane = 0; lane < LANES && !this.full; lane++) {
      const drain = drains[lane];
      if (drain === undefined) continue;
      drains[lane] = undefined;
      drain.resolve();
      nextTurn(this.owner, () => this.wake());
      return;
    }
  }
}

/** Many wait for the same room; each is told with an error of its own that it will not come. */
function rejectForCaller(error: unknown): never {
  throw forCaller(error);
}

function makeDrain(): Drain {
  let resolve: () => void = () => {};
  let reject: (error: NnrpError) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // A caller that ignores this promise must not get an unhandledRejection when the connection ends.
  return { calls: 0, shared: undefined, promise: ignoreRejection(promise), resolve, reject };
}
