import type { Complete } from '../../base/options.js';
import type { BoundName } from '../contract/server-bounds.js';
import { ConnectionShare, PlaceTurn, type Scheduled, type SessionLine } from '../scheduling/connection-share.js';
import { FairQueue, mayBeginOne, roughly } from '../scheduling/fair-queue.js';
import type { SchedulingOptions } from '../scheduling/scheduling-options.js';

export interface DispatcherLimits extends Complete<SchedulingOptions> {
  /** Handlers that run at once. */
  readonly maxConcurrentOperations: number;
  /** Operations that may wait for their turn. */
  readonly maxQueuedOperations: number;
}

/** What an operation holds besides its packet while its handler runs, rounded up (measured). */
const RUNNING_BYTES = 1024;

/** What a dispatcher needs of the serve loop. */
export interface DispatcherOwner {
  /** Starts the handler; `finished` is called when it is done, however it ends. */
  run(operation: Scheduled): void;
  /** A connection has room for more again: a quarter of what it may have waiting, or less, waits. */
  relieved(share: ConnectionShare): void;
  /** Something was refused or made to wait. */
  hit(bound: BoundName): void;
}

/**
 * Gives operations to handlers, as many at once as may run, in the order of the fair queue. No connection has all places:
 * a part of them is kept for those that come, and as soon as several connections want places, what stays free is as much
 * as about any of them has. An operation that waits for its client lends its place, and waits for one before it goes on.
 *
 * Nothing costs more because more waits.
 */
export class Dispatcher {
  private readonly queue: FairQueue;
  private running = 0;
  private waiting = 0;
  private suspendedOperations = 0;
  private allRunningBytes = 0;
  /** By the packets of those of which reading the submit has made more: an application may read it through a proxy of the operation. */
  private moreBytes: WeakMap<object, number> | undefined;
  /** Operations that wait for a place, to begin or to go on. */
  private turns = 0;
  /** Connections that have a place, or wait for one. */
  private active = 0;
  private starting = false;
  private readonly hasRoomAbove = (places: number): boolean =>
    this.active <= 1 || places === 0 || places < this.limits.maxConcurrentOperations - this.running;

  constructor(
    private readonly limits: DispatcherLimits,
    private readonly owner: DispatcherOwner,
  ) {
    const { interactiveWeight, balancedWeight, backgroundWeight } = limits;
    this.queue = new FairQueue([interactiveWeight, balancedWeight, backgroundWeight], limits);
  }

  /** Operations that wait for their handler to begin. */
  get waitingCount(): number {
    return this.waiting;
  }

  /** Handlers that have a place. */
  get runningCount(): number {
    return this.running;
  }

  /** Operations whose handler has lent its place. */
  get suspendedCount(): number {
    return this.suspendedOperations;
  }

  /** Bytes that operations hold whose handler has begun and is not done. */
  get runningBytes(): number {
    return this.allRunningBytes;
  }

  /** Whether half of what the connection may have waiting does, so that its client should pause. */
  isBusy(share: ConnectionShare): boolean {
    // A connection with nothing waiting would not be told when there is room again.
    return share.waiting > 0 && share.waiting * 2 >= this.mostWaiting(share);
  }

  /** @returns which bound keeps the operation from being taken; undefined when it is taken */
  submit(operation: Scheduled, line: SessionLine): BoundName | undefined {
    const { share } = line;
    if (this.holdsTooMuch(share)) return 'runningBytes';
    if (!this.starting && share.turns === 0 && this.mayBegin(share)) {
      operation.line = line;
      this.begins(operation, share);
      return undefined;
    }
    const full = this.full(share);
    if (full !== undefined) return full;
    operation.line = line;
    this.waiting++;
    share.waiting++;
    this.waits(new PlaceTurn(operation, line, undefined));
    this.tellWhyItWaits(share);
    // While a handler begins, the loop that has begun it goes on to this one.
    if (this.starting) return undefined;
    this.startNext();
    return undefined;
  }

  /** The operation is over: if it waits for a place, it needs none. */
  withdraw(operation: Scheduled): void {
    const turn = turnOf(operation);
    if (turn === undefined) return;
    this.takeBack(turn);
    this.startNext();
    if (turn.again === undefined) this.tellRelieved(turn.line.share);
  }

  /** The session is over: what of it still waits for a place needs none, whatever has kept it from saying so. */
  leave(line: SessionLine): void {
    let turn = line.oldest;
    if (turn === undefined) return;
    for (; turn !== undefined; turn = line.oldest) this.takeBack(turn);
    this.startNext();
    this.tellRelieved(line.share);
  }

  /** A handler waits for its client: another may have its place meanwhile. */
  suspended(operation: Scheduled): void {
    const share = shareOf(operation);
    operation.place = 'lent';
    this.suspendedOperations++;
    share.suspended++;
    this.placeFree(share);
  }

  /**
   * A handler could go on.
   * @returns what it waits for: a place; undefined when it has one, or needs none
   */
  handlerBack(operation: Scheduled): Promise<void> | undefined {
    const { line } = operation;
    const turn = turnOf(operation);
    if (turn !== undefined) return turn.again?.promise;
    if (line === undefined || operation.abortReason !== undefined) return undefined;
    const { share } = line;
    if (share.turns === 0 && this.mayRun(share)) {
      this.goesOn(operation, share);
      return undefined;
    }
    let resolve: () => void = () => {};
    const promise = new Promise<void>((yes) => {
      resolve = yes;
    });
    this.waits(new PlaceTurn(operation, line, { promise, resolve }));
    this.startNext();
    return promise;
  }

  /** The handler of the operation holds so many bytes more than its packet: what it has read again is the same. */
  holdsMore(operation: Scheduled, bytes: number): void {
    const more = bytes - this.moreOf(operation);
    // The place of one that the application has frozen is not seen to be given back.
    if (operation.place === 'none' || more <= 0 || Object.isFrozen(operation)) return;
    this.moreBytes ??= new WeakMap();
    this.moreBytes.set(operation.packet, bytes);
    const share = shareOf(operation);
    this.holds(share, more);
    this.queue.changed(share);
  }

  private moreOf({ packet }: Scheduled): number {
    return this.moreBytes?.get(packet) ?? 0;
  }

  /** A handler is done. */
  finished(operation: Scheduled): void {
    const { place } = operation;
    if (place === 'none') return;
    try {
      operation.place = 'none';
    } finally {
      // An operation that the application has frozen costs its connection, but not the place as well.
      this.placeBack(operation, place, turnOf(operation));
    }
  }

  private placeBack(operation: Scheduled, place: 'taken' | 'lent', turn: PlaceTurn | undefined): void {
    const share = shareOf(operation);
    this.holds(share, -bytesOf(operation) - this.moreOf(operation));
    this.moreBytes?.delete(operation.packet);
    // It was not waited for: the handler has ended before it was let go on.
    if (turn !== undefined) {
      this.leaves(turn);
      turn.again?.resolve();
    }
    if (place === 'taken') {
      this.placeFree(share);
    } else {
      this.suspendedOperations--;
      share.suspended--;
      this.queue.changed(share);
      this.startNext();
    }
  }

  private mayBegin(share: ConnectionShare): boolean {
    return mayBeginOne(share, this.limits) && this.mayRun(share);
  }

  private mayRun({ running, isActive }: ConnectionShare): boolean {
    const { maxConcurrentOperations, maxRunningPerConnection } = this.limits;
    const free = maxConcurrentOperations - this.running;
    if (free <= 0 || running >= maxRunningPerConnection) return false;
    const others = isActive ? this.active - 1 : this.active;
    return running === 0 || others === 0 || roughly(running) < free;
  }

  /** At the bound of the server, half of it is kept for connections that hold no more than their share of that half. */
  private holdsTooMuch({ runningBytes }: ConnectionShare): boolean {
    const { maxRunningBytes } = this.limits;
    return this.allRunningBytes >= maxRunningBytes && runningBytes * 2 * this.active >= maxRunningBytes;
  }

  /** As long as others wait too, no connection has more waiting than there is room left. */
  private mostWaiting(share: ConnectionShare): number {
    const { maxQueuedOperations, maxQueuedPerConnection } = this.limits;
    if (this.waiting === share.waiting) return Math.min(maxQueuedOperations, maxQueuedPerConnection);
    return Math.min(maxQueuedOperations - this.waiting, maxQueuedPerConnection);
  }

  private full(share: ConnectionShare): BoundName | undefined {
    if (this.waiting >= this.limits.maxQueuedOperations) return 'queuedOperations';
    return share.waiting >= this.mostWaiting(share) ? 'connectionQueuedOperations' : undefined;
  }

  private tellWhyItWaits(share: ConnectionShare): void {
    const { maxConcurrentOperations, maxSuspendedPerConnection, maxRunningBytesPerConnection } = this.limits;
    if (this.running >= maxConcurrentOperations) this.owner.hit('runningOperations');
    else if (share.suspended >= maxSuspendedPerConnection) this.owner.hit('connectionSuspendedOperations');
    else if (share.runningBytes >= maxRunningBytesPerConnection) this.owner.hit('connectionRunningBytes');
    else this.owner.hit('connectionRunningOperations');
  }

  private startNext(): void {
    // A handler that is done at once comes back here from inside `run`: the loop below goes on for it.
    if (this.starting || this.turns === 0) return;
    this.starting = true;
    try {
      while (this.turns > 0 && this.running < this.limits.maxConcurrentOperations) {
        const turn = this.queue.next(this.hasRoomAbove);
        if (turn === undefined) break;
        this.comesOn(turn);
      }
    } finally {
      this.starting = false;
    }
  }

  private comesOn({ operation, line, again }: PlaceTurn): void {
    const { share } = line;
    this.turns--;
    if (again !== undefined) {
      // The application may have frozen it by now: the operation that has made room for it does not pay for that.
      Reflect.set(operation, 'turn', undefined);
      this.goesOn(operation, share);
      again.resolve();
      return;
    }
    operation.turn = undefined;
    this.waiting--;
    share.waiting--;
    this.begins(operation, share);
    this.tellRelieved(share);
  }

  private begins(operation: Scheduled, share: ConnectionShare): void {
    this.holds(share, bytesOf(operation));
    this.hasPlace(share);
    this.owner.run(operation);
  }

  private holds(share: ConnectionShare, bytes: number): void {
    this.allRunningBytes += bytes;
    share.runningBytes += bytes;
  }

  private goesOn(operation: Scheduled, share: ConnectionShare): void {
    // One that is frozen goes on without a place: it could not give it back.
    if (!Reflect.set(operation, 'place', 'taken')) return;
    this.suspendedOperations--;
    share.suspended--;
    this.hasPlace(share);
  }

  private hasPlace(share: ConnectionShare): void {
    this.running++;
    share.running++;
    this.activate(share);
    this.queue.changed(share);
  }

  private placeFree(share: ConnectionShare): void {
    this.running--;
    share.running--;
    this.deactivateIfUnused(share);
    if (this.turns === 0) return;
    this.queue.changed(share);
    this.startNext();
  }

  private waits(turn: PlaceTurn): void {
    turn.operation.turn = turn;
    this.turns++;
    this.activate(turn.line.share);
    this.queue.add(turn);
  }

  private takeBack(turn: PlaceTurn): void {
    const { again, line } = turn;
    this.leaves(turn);
    if (again !== undefined) {
      again.resolve();
    } else {
      this.waiting--;
      line.share.waiting--;
    }
  }

  private leaves(turn: PlaceTurn): void {
    this.turns--;
    this.queue.remove(turn);
    this.deactivateIfUnused(turn.line.share);
    Reflect.set(turn.operation, 'turn', undefined);
  }

  private activate(share: ConnectionShare): void {
    if (share.isActive) return;
    share.isActive = true;
    this.active++;
  }

  private deactivateIfUnused(share: ConnectionShare): void {
    if (share.running > 0 || share.turns > 0) return;
    share.isActive = false;
    this.active--;
  }

  /** Last of all: what it sets off must find everything in order. */
  private tellRelieved(share: ConnectionShare): void {
    if (share.waiting * 4 <= this.mostWaiting(share)) this.owner.relieved(share);
  }
}

function shareOf(operation: Scheduled): ConnectionShare {
  // An operation that has a place has come by `submit`.
  return operation.line?.share ?? new ConnectionShare();
}

function bytesOf({ byteLength }: Scheduled): number {
  return RUNNING_BYTES + byteLength;
}

/** What it waits for. One that the application has frozen keeps the turn that it has had. */
function turnOf({ turn }: Scheduled): PlaceTurn | undefined {
  return turn?.chain === undefined ? undefined : turn;
}
