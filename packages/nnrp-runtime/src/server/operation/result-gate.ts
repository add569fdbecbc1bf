import { type FlowScope, UsageError } from 'nnrp-core';
import { aside, type Guarded } from '../../base/guard.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { Pressure } from '../../connection/controls/pressure.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { ConnectionGate, WaitingGate } from './connection-gate.js';
import type { Operation } from './operation.js';
import { SaidFlow } from './said-flow.js';

/** Results of one session that may be held back; a handler that does not await `push` is refused more. */
export const MAX_HELD = 4096;
/** The same of one connection. */
const MAX_HELD_OF_CONNECTION = 4 * MAX_HELD;

/** What a result costs that is held back besides its body: promises and what they run (measured, rounded up). */
const HELD_BYTES = 2048;

/** What holding results back needs of the connection. */
export interface GateOwner extends Guarded {
  readonly bounds: Pick<ServerBounds, 'hit'>;
}

/** What is held back of one operation, oldest first. */
interface HeldLine {
  readonly operation: Operation;
  /** Each sends its result, or rejects when the operation is over. */
  releases: (() => void)[];
  /** Ends a pause of a certain length that the client has made for the operation alone. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * Holds back the partial results of a session while its client wants none: it has paused the connection, the session or
 * the operation by FLOW_UPDATE. What is held of an operation goes out in order when the client lets it.
 *
 * An update looks at what it lets go, however much is held besides.
 */
export class ResultGate implements WaitingGate {
  /** Made when the client first speaks of an operation. */
  private ofOperations: Map<Operation, SaidFlow> | undefined;
  /** Operations with results that wait for the session or the connection, and for nothing else. */
  private lines: Map<Operation, HeldLine> | undefined;
  /** Operations with results that the client has paused one by one. */
  private paused: Map<Operation, HeldLine> | undefined;
  private held = 0;
  private heldBytes = 0;
  private ofSession: SaidFlow | undefined;
  private timer: NodeJS.Timeout | undefined;
  private opened = false;

  constructor(
    private connection: ConnectionGate,
    readonly isBackground: boolean,
    private readonly maxHeldBytes: number,
    private readonly owner: GateOwner,
  ) {}

  get heldCount(): number {
    return this.held;
  }

  /** Whether the client wants no partial results of the whole session. */
  get isPaused(): boolean {
    return this.isPausedTogether();
  }

  /** Whether a result must wait: the client said so, or earlier results of the operation wait already. */
  mustWait(operation: Operation): boolean {
    if (this.connection.isSilent && this.ofSession === undefined && this.ofOperations === undefined)
      return this.isWaiting(operation);
    return this.isPausedTogether() || this.isPausedAlone(operation) || this.isWaiting(operation);
  }

  /** Whether results of the operation wait here. */
  isWaiting(operation: Operation): boolean {
    return this.held > 0 && this.lineOf(operation) !== undefined;
  }

  /**
   * Whether too much is held back already for one more of so many bytes. A handler that awaits each push has one result here
   * at a time, which always may wait.
   */
  isTooMuch(operation: Operation, bytes: number): boolean {
    const full = this.fullWith(bytes);
    if (full === undefined) return false;
    this.owner.bounds.hit(full);
    return this.lineOf(operation) !== undefined;
  }

  /** The error of a push that is one too many. */
  fullError(): UsageError {
    const { heldCount, heldByteLength } = this.connection;
    const much = `${heldCount} results of ${heldByteLength} bytes`;
    return new UsageError(`${much} are held back already: await each push, the client has paused, or is away`);
  }

  /**
   * @param bytes - of the result that waits
   * @param send - called when the hold is over, or the operation is
   */
  afterHold(operation: Operation, bytes: number, send: () => Promise<void>): Promise<void> {
    let line = this.lineOf(operation);
    if (line === undefined) {
      line = { operation, releases: [], timer: undefined };
      this.place(line);
    }
    const { releases } = line;
    this.count(1, bytes + HELD_BYTES);
    return new Promise((resolve, reject) => {
      // Sent in the same step as it is let go, so that nothing newer overtakes it.
      releases.push(() => {
        this.count(-1, -bytes - HELD_BYTES);
        send().then(resolve, reject);
      });
    });
  }

  /** For FLOW_UPDATE of the session, or of one of its operations; tell of it by `flowChanged`. */
  scopeOf(operation?: Operation): FlowScope {
    return this.saidOf(operation).scope;
  }

  /** For BACKPRESSURE and CREDIT_UPDATE of the session, or of one of its operations; tell of it by `flowChanged`. */
  pressureOf(operation?: Operation): Pressure {
    return this.saidOf(operation).pressure;
  }

  /** The client can say nothing any more, not even that results may flow again: they do. */
  open(): void {
    this.opened = true;
    for (const line of [...(this.paused?.values() ?? [])]) this.replace(line);
    this.recheck();
  }

  operationEnded(operation: Operation): void {
    this.ofOperations?.delete(operation);
    const line = this.held > 0 ? this.lineOf(operation) : undefined;
    if (line !== undefined) this.release(line);
  }

  /** The client has said something new about the session, or about one of its operations. */
  flowChanged(operation: Operation | undefined): void {
    if (operation === undefined) {
      this.recheck();
      return;
    }
    const line = this.held > 0 ? this.lineOf(operation) : undefined;
    if (line === undefined) return;
    this.replace(line);
    if (this.lines?.has(operation) && !this.isPausedTogether()) this.release(line);
  }

  /** Something may have changed for all of them: sends what need not wait any more. */
  recheck(): void {
    if (this.lines === undefined) return;
    if (!this.isPausedTogether()) for (const line of [...this.lines.values()]) this.release(line);
    this.waitOn();
  }

  /** The session has another connection, or none for now. */
  moveTo(connection: ConnectionGate): void {
    this.connection.waitsNoMore(this);
    this.connection.count(-this.held, -this.heldBytes);
    this.connection = connection;
    connection.count(this.held, this.heldBytes);
    this.recheck();
  }

  /** The session is over, and so are its operations. */
  end(): void {
    clearTimeout(this.timer);
    this.connection.waitsNoMore(this);
  }

  /** Made when the client first speaks of it. */
  private saidOf(operation: Operation | undefined): SaidFlow {
    if (operation === undefined) {
      this.ofSession ??= new SaidFlow();
      return this.ofSession;
    }
    this.ofOperations ??= new Map();
    let said = this.ofOperations.get(operation);
    if (said === undefined) {
      said = new SaidFlow();
      this.ofOperations.set(operation, said);
    }
    return said;
  }

  private lineOf(operation: Operation): HeldLine | undefined {
    return this.lines?.get(operation) ?? this.paused?.get(operation);
  }

  private fullWith(bytes: number): 'heldResults' | 'heldResultBytes' | 'suspendedResultBytes' | undefined {
    const { heldCount, heldByteLength } = this.connection;
    if (this.held >= MAX_HELD || heldCount >= MAX_HELD_OF_CONNECTION) return 'heldResults';
    if (heldByteLength > 0 && heldByteLength + bytes + HELD_BYTES > this.maxHeldBytes) return 'heldResultBytes';
    return this.connection.hasRoom(bytes + HELD_BYTES) ? undefined : 'suspendedResultBytes';
  }

  private count(results: number, bytes: number): void {
    this.held += results;
    this.heldBytes += bytes;
    this.connection.count(results, bytes);
  }

  /** Puts it where what it waits for is looked after. */
  private place(line: HeldLine): void {
    const { operation } = line;
    if (this.isPausedAlone(operation)) {
      line.timer = this.retry(this.ofOperations?.get(operation), () => this.flowChanged(operation));
      // A pause may end between two looks at the clock.
      if (line.timer !== undefined || this.isPausedAlone(operation)) {
        this.paused ??= new Map();
        this.paused.set(operation, line);
        return;
      }
    }
    this.lines ??= new Map();
    this.lines.set(operation, line);
    if (this.lines.size === 1) this.waitOn();
  }

  private replace(line: HeldLine): void {
    this.takeOut(line);
    this.place(line);
  }

  private takeOut(line: HeldLine): void {
    clearTimeout(line.timer);
    line.timer = undefined;
    this.paused?.delete(line.operation);
    if (this.lines?.delete(line.operation) && this.lines.size === 0) this.connection.waitsNoMore(this);
  }

  private release(line: HeldLine): void {
    this.takeOut(line);
    const { releases } = line;
    line.releases = [];
    for (const send of releases) send();
  }

  /** Sees to it that what waits here is looked at when the session, or else the connection, lets it go. */
  private waitOn(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines === undefined || this.lines.size === 0) return;
    if (this.holds(this.ofSession)) {
      this.connection.waitsNoMore(this);
      this.timer = this.retry(this.ofSession, () => this.recheck());
      // It may end between two looks at the clock.
      if (this.timer !== undefined || this.holds(this.ofSession)) return;
    }
    this.connection.waits(this);
  }

  /** A pause of a certain length ends by itself. */
  private retry(said: SaidFlow | undefined, look: () => void): NodeJS.Timeout | undefined {
    const leftMs = said?.leftMs() ?? 0;
    if (leftMs <= 0) return undefined;
    return aside(this.owner, Math.min(Math.ceil(leftMs), MAX_TIMER_MS), look);
  }

  private isPausedTogether(): boolean {
    return !this.opened && (this.holds(this.ofSession) || this.connection.holds(this.isBackground));
  }

  private isPausedAlone(operation: Operation): boolean {
    return !this.opened && this.holds(this.ofOperations?.get(operation));
  }

  private holds(said: SaidFlow | undefined): boolean {
    return said?.holds(this.isBackground) === true;
  }
}
