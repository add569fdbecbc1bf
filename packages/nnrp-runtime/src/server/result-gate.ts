import { type FlowScope, preview3, UsageError } from 'nnrp-core';
import { type Guarded, later } from '../base/guard.js';
import { MAX_TIMER_MS } from '../timer-limit.js';
import type { OperationContext } from './operation-context.js';

const { BackpressureLevel } = preview3;
/** Results of one session that may be held back; a handler that does not await `push` is refused more. */
const MAX_HELD = 4096;

/** Nothing is held, as nearly always; never changed. */
const NONE: HeldResult[] = [];

interface HeldResult {
  readonly operation: OperationContext;
  /** Sends it, or rejects when the operation is over. */
  release(): void;
}

/**
 * Holds back the partial results of a session while its client wants none: it has paused the connection, the session or
 * the operation by FLOW_UPDATE. What is held goes out in order when the client lets it.
 */
export class ResultGate {
  /** Made when the client first speaks of an operation. */
  private operationScopes: Map<OperationContext, FlowScope> | undefined;
  private held: HeldResult[] = NONE;
  private heldBytes = 0;
  private sessionScope: FlowScope | undefined;
  private timer: NodeJS.Timeout | undefined;
  private opened = false;

  constructor(
    /** The scope of the whole connection; undefined while the client has said nothing about it. */
    private readonly connectionScope: () => FlowScope | undefined,
    private readonly background: boolean,
    private readonly maxHeldBytes: number,
    private readonly owner: Guarded,
  ) {}

  /** Whether a result must wait: the client said so, or earlier results of the operation wait already. */
  isHeld(operation: OperationContext): boolean {
    const connectionScope = this.connectionScope();
    if (connectionScope === undefined && this.sessionScope === undefined && this.operationScopes === undefined) {
      return this.held.length > 0 && this.isWaiting(operation);
    }
    return this.mustWait(operation) || this.isWaiting(operation);
  }

  /** Whether results of the operation wait here. */
  isWaiting(operation: OperationContext): boolean {
    return this.held.length > 0 && this.held.some((result) => result.operation === operation);
  }

  /**
   * @param bytes - of the result that waits
   * @param send - called when the hold is over, or the operation is
   * @throws (as a rejection) UsageError when too much is held back already
   */
  afterHold(operation: OperationContext, bytes: number, send: () => Promise<void>): Promise<void> {
    if (this.held.length >= MAX_HELD || (this.heldBytes > 0 && this.heldBytes + bytes > this.maxHeldBytes)) {
      const much = `${this.held.length} results of ${this.heldBytes} bytes`;
      return Promise.reject(new UsageError(`${much} are held back already: await each push, the client has paused`));
    }
    this.heldBytes += bytes;
    return new Promise((resolve, reject) => {
      if (this.held === NONE) this.held = [];
      // Sent in the same step as it is let go, so that nothing newer overtakes it.
      const release = () => {
        this.heldBytes -= bytes;
        send().then(resolve, reject);
      };
      this.held.push({ operation, release });
      this.armRetry();
    });
  }

  /** The scope of the session, or of one of its operations; made when the client first speaks of it. */
  scopeOf(operation: OperationContext | undefined, make: () => FlowScope): FlowScope {
    if (operation === undefined) {
      this.sessionScope ??= make();
      return this.sessionScope;
    }
    this.operationScopes ??= new Map();
    let scope = this.operationScopes.get(operation);
    if (scope === undefined) {
      scope = make();
      this.operationScopes.set(operation, scope);
    }
    return scope;
  }

  /** The client can say nothing any more, not even that results may flow again: they do. */
  open(): void {
    this.opened = true;
    this.recheck();
  }

  operationOver(operation: OperationContext): void {
    this.operationScopes?.delete(operation);
    if (this.held.length > 0) this.recheck();
  }

  /** The client has said something about the flow. @see recheck */
  flowChanged(): void {
    // Nothing can go out as long as all of it is held, however much there is to look through.
    if (!this.holds(this.connectionScope()) && !this.holds(this.sessionScope)) {
      this.recheck();
      return;
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    this.armRetry();
  }

  /** Something may have changed: sends what need not wait any more. */
  recheck(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.held.length === 0) return;
    const waiting = this.held;
    this.held = [];
    const stuck = new Set<OperationContext>();
    for (const result of waiting) {
      const { operation } = result;
      if (!operation.isOver && (stuck.has(operation) || this.mustWait(operation))) {
        stuck.add(operation);
        this.held.push(result);
      } else {
        result.release();
      }
    }
    this.armRetry();
  }

  /** A pause of a certain length ends by itself. */
  private armRetry(): void {
    if (this.timer !== undefined || this.held.length === 0) return;
    const nowMs = performance.now();
    const scopes = [this.connectionScope(), this.sessionScope, ...(this.operationScopes?.values() ?? [])];
    const times = scopes.flatMap((scope) => (scope !== undefined && scope.retryAtMs > nowMs ? [scope.retryAtMs] : []));
    if (times.length === 0) return;
    const delayMs = Math.min(Math.ceil(Math.min(...times) - nowMs), MAX_TIMER_MS);
    this.timer = later(this.owner, delayMs, () => this.recheck());
    this.timer.unref();
  }

  private mustWait(operation: OperationContext): boolean {
    return (
      this.holds(this.connectionScope()) ||
      this.holds(this.sessionScope) ||
      this.holds(this.operationScopes?.get(operation))
    );
  }

  private holds(scope: FlowScope | undefined): boolean {
    if (scope === undefined || this.opened) return false;
    return (
      scope.paused ||
      scope.level === BackpressureLevel.Hard ||
      scope.credit === 0 ||
      (scope.backgroundOnly && !this.background) ||
      scope.retryAtMs > performance.now()
    );
  }
}
