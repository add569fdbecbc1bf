import { Chain, type Link } from '../../base/queues/chain.js';
import type { OperationContext } from '../contract/contract.js';

/** `lent`: the handler goes on, and others may have its place until its results may flow again. */
export type HandlerPlace = 'none' | 'taken' | 'lent';

/** An operation, as far as the places for handlers are concerned. */
export interface Scheduled extends Pick<OperationContext, 'frameId' | 'session' | 'abortReason'> {
  /** The same one for as long as it has a place. */
  readonly packet: object;
  /** Of its packet. */
  readonly byteLength: number;
  /** Whether its handler has one of the places. */
  place: HandlerPlace;
  /** Its session, which pays for its place; undefined before it has come to the dispatcher. */
  line: SessionLine | undefined;
  /** That it waits for a place. */
  turn: PlaceTurn | undefined;
}

/** An operation that waits for a place: to begin, or to go on. */
export class PlaceTurn implements Link<PlaceTurn> {
  before: PlaceTurn | undefined = undefined;
  after: PlaceTurn | undefined = undefined;
  chain: Chain<PlaceTurn> | undefined = undefined;

  constructor(
    readonly operation: Scheduled,
    readonly line: SessionLine,
    /** It has begun before, and its push that waits to go on awaits `promise`; undefined for one that has yet to begin. */
    readonly again: { readonly promise: Promise<void>; resolve(): void } | undefined,
  ) {}
}

/** The turns of one session, oldest first. */
class SessionTurns implements Link<SessionTurns> {
  before: SessionTurns | undefined = undefined;
  after: SessionTurns | undefined = undefined;
  chain: Chain<SessionTurns> | undefined = undefined;
  readonly turns = new Chain<PlaceTurn>();
}

/** What a connection has waiting in one priority class: a round of sessions. */
export class ShareOfClass implements Link<ShareOfClass> {
  before: ShareOfClass | undefined = undefined;
  after: ShareOfClass | undefined = undefined;
  chain: Chain<ShareOfClass> | undefined = undefined;
  /** For the fair queue: where it stands; -1 when it has no turn, whatever waits. */
  rank = -1;
  readonly toBegin = new Chain<SessionTurns>();
  readonly toGoOn = new Chain<SessionTurns>();

  constructor(
    readonly share: ConnectionShare,
    readonly classIndex: number,
  ) {}
}

/** What one connection has of the places for handlers, and of the queue for them. */
export class ConnectionShare {
  /** Handlers that have a place. */
  running = 0;
  /** Operations whose handler has not begun. */
  waiting = 0;
  /** Operations whose handler has begun and has lent its place, those included that wait for one to go on. */
  suspended = 0;
  /** Bytes that operations hold whose handler has begun and is not done. */
  runningBytes = 0;
  /** For the dispatcher: whether it has a place or waits for one. */
  isActive = false;
  /** Turns that are taken in order: of operations that wait to begin, and of those that wait to go on. */
  turns = 0;
  /** By priority class; made when something of it waits. */
  readonly classes: (ShareOfClass | undefined)[] = [];

  ofClass(classIndex: number): ShareOfClass {
    let part = this.classes[classIndex];
    if (part === undefined) {
      part = new ShareOfClass(this, classIndex);
      this.classes[classIndex] = part;
    }
    return part;
  }
}

/** What the dispatcher knows of one session. */
export class SessionLine {
  private beginning: SessionTurns | undefined;
  private goingOn: SessionTurns | undefined;

  constructor(
    readonly share: ConnectionShare,
    /** 0 for interactive, 2 for background. */
    readonly classIndex: number,
    /** The handler of an operation that is over has run on for too long, in milliseconds. */
    readonly handlerStuck: (operation: Scheduled, forMs: number) => void,
    /** Reading a submit has made so many bytes more, which its handler holds. */
    readonly holdsMore: (operation: Scheduled, bytes: number) => void,
  ) {}

  /** A turn of the session; undefined when none of its operations waits. */
  get oldest(): PlaceTurn | undefined {
    return this.goingOn?.turns.first ?? this.beginning?.turns.first;
  }

  turnsOf(turn: PlaceTurn): SessionTurns {
    if (turn.again === undefined) {
      this.beginning ??= new SessionTurns();
      return this.beginning;
    }
    this.goingOn ??= new SessionTurns();
    return this.goingOn;
  }
}
