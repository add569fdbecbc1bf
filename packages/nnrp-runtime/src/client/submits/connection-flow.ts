import { type FlowOutcome, FlowScope } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { afterThis, type Guarded } from '../../base/guard.js';
import { Chain, type Link } from '../../base/queues/chain.js';
import { Pressure } from '../../connection/controls/pressure.js';

/** A session whose submits may have to wait for room on the connection. */
export interface RoomWaiter {
  readonly isBackground: boolean;
  /** Its place in the line; kept by the line alone. */
  readonly roomTurn: RoomTurn;
  /**
   * Starts the first submit that waits, if it may start: it is `held up` by what the server has said about the connection,
   * or `blocked` by the session's own bounds.
   */
  startNext(): 'started' | 'connection blocked' | 'blocked' | 'empty';
}

/** Where a session stands, if anywhere. */
export class RoomTurn implements Link<RoomTurn> {
  before: RoomTurn | undefined = undefined;
  after: RoomTurn | undefined = undefined;
  chain: Link<RoomTurn>['chain'] = undefined;
  /** Rises with every turn that is waited for. */
  number = 0;

  constructor(readonly waiter: RoomWaiter) {}

  leave(): void {
    this.chain?.remove(this);
  }
}

/**
 * Flow control over all sessions of a connection: what the server has said about it, and whose turn it is. Sessions take
 * turns. The end of an operation looks at those that it lets go on, however many wait besides.
 */
export class ConnectionFlow {
  readonly scope = new FlowScope();
  private told: Pressure | undefined;
  /** Operations in flight, over all sessions. */
  inFlight = 0;
  private turns = 0;
  /** Sessions that wait for the connection; what holds one of them up holds up all of its kind. */
  private readonly background = new Chain<RoomTurn>();
  private readonly others = new Chain<RoomTurn>();
  /** Those that wait for an operation of their own to end, or for an update of their own. */
  private readonly blocked = new Chain<RoomTurn>();
  private serving = false;
  private again = false;
  /** Whether those that are blocked are about to be looked at. */
  private isDue = false;

  constructor(private readonly owner: Guarded) {}

  /** Whether no session stands in a line. */
  get isIdle(): boolean {
    return this.others.isEmpty && this.background.isEmpty && this.blocked.isEmpty;
  }

  /** FLOW_UPDATE of connection scope. */
  update(update: preview3.FlowUpdate): FlowOutcome {
    const { level } = this.scope;
    const outcome = this.scope.apply(update, performance.now());
    if (outcome !== 'applied') return outcome;
    // Soft backpressure on the connection makes the windows of all its sessions smaller, too.
    if (this.scope.level !== level) this.lookAtBlocked();
    this.serveAll();
    return outcome;
  }

  /** What preview4 says of the connection besides FLOW_UPDATE; look at it again by `pressed`. */
  get pressure(): Pressure {
    this.told ??= new Pressure(new FlowScope());
    return this.told;
  }

  /** Whether it has said anything. */
  get isPressed(): boolean {
    return this.told !== undefined;
  }

  pressed(): void {
    this.lookAtBlocked();
    this.serveAll();
  }

  /** The connection is another one, of which the server has said nothing. */
  restart(): void {
    this.scope.restart();
    this.told?.scope.restart();
    this.lookAtBlocked();
    this.serveAll();
  }

  /** Serves this one, too, whenever there is room. */
  awaitRoom({ roomTurn, isBackground }: RoomWaiter): void {
    if (roomTurn.chain !== undefined && roomTurn.chain !== this.blocked) return;
    roomTurn.leave();
    roomTurn.number = ++this.turns;
    (isBackground ? this.background : this.others).push(roomTurn);
  }

  forget({ roomTurn }: RoomWaiter): void {
    roomTurn.leave();
  }

  /** An operation of this session is over. */
  finished(waiter: RoomWaiter): void {
    this.inFlight--;
    if (waiter.roomTurn.chain === this.blocked) this.awaitRoom(waiter);
    this.serveAll();
  }

  /** Something has changed for this session. */
  serve(waiter: RoomWaiter): void {
    this.awaitRoom(waiter);
    this.serveAll();
  }

  /** Starts what may start, one of each session in turn; sessions that were served last come last the next time. */
  serveAll(): void {
    this.again = true;
    // What is started may end at once: the loop below comes to it.
    if (this.serving) return;
    this.serving = true;
    try {
      while (this.again) {
        this.again = false;
        this.serveWaiting();
      }
    } finally {
      this.serving = false;
    }
  }

  private serveWaiting(): void {
    let background = this.background.first;
    let others = this.others.first;
    while (background !== undefined || others !== undefined) {
      const isBackground = others === undefined || (background !== undefined && background.number < others.number);
      const turn = (isBackground ? background : others) as RoomTurn;
      const isConnectionBlocked = this.take(turn) === 'connection blocked';
      if (isBackground) background = isConnectionBlocked ? undefined : this.background.first;
      else others = isConnectionBlocked ? undefined : this.others.first;
    }
  }

  private take(turn: RoomTurn): ReturnType<RoomWaiter['startNext']> {
    const outcome = turn.waiter.startNext();
    // It may have left meanwhile.
    if (outcome === 'connection blocked' || turn.chain === undefined) return outcome;
    turn.leave();
    if (outcome === 'started') this.awaitRoom(turn.waiter);
    else if (outcome === 'blocked') this.blocked.push(turn);
    return outcome;
  }

  /** Once for all that the server says at once: there may be many of them. */
  private lookAtBlocked(): void {
    if (this.isDue) return;
    this.isDue = true;
    afterThis(this.owner, () => {
      this.isDue = false;
      for (let turn = this.blocked.first; turn !== undefined; turn = this.blocked.first) this.awaitRoom(turn.waiter);
      this.serveAll();
    });
  }
}
