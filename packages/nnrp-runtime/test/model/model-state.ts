import type { ModelFlow } from './model-wire.js';

/** The server's limit of operations in flight in a session, as the model's world configures it. */
export const MAX_IN_FLIGHT = 4;

/** What a client has said about the results of one scope, as section 8.9 describes it. */
export class ModelScope {
  epoch: number | undefined;
  private paused = false;
  private hard = false;
  private credit: number | undefined;

  get holds(): boolean {
    return this.paused || this.hard || this.credit === 0;
  }

  apply({ epoch, kind }: ModelFlow): void {
    if (this.epoch !== undefined && epoch <= this.epoch) return;
    this.epoch = epoch;
    if (kind === 'credit') this.credit = 8;
    else if (kind === 'no_credit') this.credit = 0;
    else if (kind === 'pause') this.paused = true;
    else if (kind === 'hard') this.hard = true;
    else {
      this.paused = false;
      this.hard = false;
    }
  }
}

/** One frame that a bare peer has submitted. */
export interface ModelFrame {
  /** Partial results that must have come. */
  partials: number;
  /** Partial results that the server's application has pushed, and that are held back. */
  heldPartials: number;
  /** The last result waits behind them. */
  completing: boolean;
  inFlight: boolean;
  /** A submit of it could not be read, so that the id counts as free. */
  free: boolean;
  /** Terminal answers that must have come. */
  terminals: number;
  readonly scope: ModelScope;
}

/** One session of a bare peer as it must be. */
export class ModelSession {
  readonly frames = new Map<number, ModelFrame>();
  readonly scope = new ModelScope();
  /** The peer has asked to close, and operations in flight have their time. */
  draining = false;
  /** How the session ended: confirmed by the server, or closed by it without the peer's confirmation yet. */
  over: 'closed' | 'unconfirmed' | undefined;
  /** Whether the server must have confirmed a close of the peer. */
  closeAcked = false;
  /** Whether the server must have closed it. */
  closedByServer = false;
  /** SESSION_PATCH_ACKs that must have come, and how many of them are for patches of the current burst. */
  patches = 0;
  newPatches = 0;
  nextFrameId = 1;

  constructor(
    readonly sessionId: number,
    readonly connection: ModelConnection,
  ) {}

  get inFlight(): [number, ModelFrame][] {
    return [...this.frames].filter(([, frame]) => frame.inFlight);
  }

  /** A submit that is answered, or taken: what the rules say. */
  submitted(frameId: number): 'taken' | 'excess' | 'duplicate' | 'late' | 'ignored' {
    const frame = this.frames.get(frameId);
    if (this.draining) {
      if (frame?.inFlight) return 'ignored';
      this.frame(frameId).terminals++;
      return 'late';
    }
    if (frame !== undefined) return 'duplicate';
    const fresh = this.frame(frameId);
    if (this.inFlight.length > MAX_IN_FLIGHT - 1) {
      fresh.terminals++;
      return 'excess';
    }
    fresh.inFlight = true;
    return 'taken';
  }

  frame(frameId: number): ModelFrame {
    const known = this.frames.get(frameId);
    if (known !== undefined) return known;
    const fresh = {
      partials: 0,
      heldPartials: 0,
      completing: false,
      inFlight: false,
      free: false,
      terminals: 0,
      scope: new ModelScope(),
    };
    this.frames.set(frameId, fresh);
    return fresh;
  }

  /** The frame has its terminal answer; what was held back for it is not wanted any more. */
  answered(frame: ModelFrame): void {
    frame.inFlight = false;
    frame.heldPartials = 0;
    frame.completing = false;
    frame.terminals++;
  }

  holds(frame: ModelFrame): boolean {
    return this.connection.scope.holds || this.scope.holds || frame.scope.holds;
  }

  /** Something may have been released. */
  recheck(): void {
    for (const [, frame] of this.inFlight) {
      if (frame.heldPartials === 0 || this.holds(frame)) continue;
      frame.partials += frame.heldPartials;
      frame.heldPartials = 0;
      if (frame.completing) this.answered(frame);
    }
  }
}

/** One connection of a bare peer. */
export class ModelConnection {
  /** Those that are open. */
  readonly sessions: ModelSession[] = [];
  /** Those that are over; what is said about them still has rules. */
  readonly gone: ModelSession[] = [];
  readonly scope = new ModelScope();
  announced = false;
  /** ERROR answers that must have come for frames that were used before. */
  duplicates = 0;

  constructor(readonly name: number) {}

  opened(sessionId: number, announced: boolean): void {
    const forgotten = this.gone.findIndex((session) => session.sessionId === sessionId);
    if (forgotten >= 0) this.gone.splice(forgotten, 1);
    // The reference client opens one session on a connection, and no more.
    if (announced || this.sessions.length > 0) this.announced = true;
    this.sessions.push(new ModelSession(sessionId, this));
  }

  /** @param answered - whether its frames in flight got their drops */
  ended(session: ModelSession, over: 'closed' | 'unconfirmed', answered: boolean): void {
    for (const [, frame] of session.inFlight) {
      if (answered) session.answered(frame);
      else frame.inFlight = false;
    }
    session.over = over;
    session.closedByServer = over === 'unconfirmed';
    this.sessions.splice(this.sessions.indexOf(session), 1);
    this.gone.push(session);
  }

  /** Something may have been released, or drained. */
  recheck(): void {
    for (const session of [...this.sessions]) {
      session.recheck();
      if (!session.draining || session.inFlight.length > 0) continue;
      session.closeAcked = true;
      this.ended(session, 'closed', true);
    }
  }
}

/** One connection of a real client: what the model needs to know of it. */
export interface ModelClient {
  readonly name: number;
  /** Names of its sessions. */
  readonly sessions: number[];
}

/** What must be, after every step. */
export class ModelState {
  readonly connections: ModelConnection[] = [];
  readonly clients: ModelClient[] = [];
  private names = 0;

  /** A name for a connection, never used before. */
  newName(): number {
    return ++this.names;
  }

  newConnection(): ModelConnection {
    const connection = new ModelConnection(this.newName());
    this.connections.push(connection);
    return connection;
  }

  forget(connection: ModelConnection): void {
    this.connections.splice(this.connections.indexOf(connection), 1);
  }

  get sessions(): ModelSession[] {
    return this.connections.flatMap(({ sessions }) => sessions);
  }

  /** Of bare peers and real clients. */
  get sessionCount(): number {
    return this.sessions.length + this.clients.reduce((sum, { sessions }) => sum + sessions.length, 0);
  }

  get connectionCount(): number {
    return this.connections.length + this.clients.length;
  }
}
