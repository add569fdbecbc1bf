import { BackpressureLevel, ScopeKind, UpdateReason } from '../../generated/preview3/enums.js';
import { FlowFlags } from '../../generated/preview3/flags.js';
import type { FlowUpdate } from '../../generated/preview3/flow-update.js';

/**
 * What became of an update: `applied`; `stale`, older than the newest one or contradicting it, ignored; `repeated`, the
 * newest one once more, ignored.
 */
export type FlowOutcome = 'applied' | 'stale' | 'repeated';

/**
 * What the peer has said about one scope: the connection, one session or one operation. It receives the FLOW_UPDATEs of
 * that scope and remembers what they mean.
 *
 * Only an update with a newer credit_epoch counts; the first one counts whatever its epoch, since peers that do not
 * number their updates send 0. Hard backpressure and a pause last until an update with the reason grant or resume; soft
 * backpressure, the flags and the time to wait are those of the newest update; credit is that of the newest update that
 * carries one.
 *
 * @see NNRP/1-preview3 sections 7.9 and 8.9
 */
export class FlowScope {
  private newest: FlowUpdate | undefined;
  private currentCredit: number | undefined;
  private currentLevel: BackpressureLevel = BackpressureLevel.None;
  private isPaused = false;
  private flags = 0;
  private retryAt = 0;

  /** @param initialCredit - what was granted before any update, such as granted_operation_credit; none when left out */
  constructor(initialCredit?: number) {
    this.currentCredit = initialCredit;
  }

  /** credit_epoch of the newest update; 0 before the first. */
  get epoch(): number {
    return this.newest?.creditEpoch ?? 0;
  }

  /** Operations that may be in flight at once; undefined when the peer has not said. */
  get credit(): number | undefined {
    return this.currentCredit;
  }

  /** Hard until it is released, else the level of the newest update. */
  get level(): BackpressureLevel {
    return this.currentLevel;
  }

  /** Whether the peer has paused this scope. */
  get paused(): boolean {
    return this.isPaused;
  }

  /** Whether only work of priority background may begin. */
  get backgroundOnly(): boolean {
    return (this.flags & FlowFlags.BackgroundOnly) !== 0;
  }

  /** Whether nothing new may begin. */
  get drainInFlightOnly(): boolean {
    return (this.flags & FlowFlags.DrainInFlightOnly) !== 0;
  }

  /** Nothing new may begin before this time, in milliseconds of the clock that {@link apply} was given; 0 = no such time. */
  get retryAtMs(): number {
    return this.retryAt;
  }

  /** The peer begins anew: what it has said does not hold any more, and its next update counts whatever its epoch. */
  restart(): void {
    this.newest = undefined;
    this.currentCredit = undefined;
    this.currentLevel = BackpressureLevel.None;
    this.isPaused = false;
    this.flags = 0;
    this.retryAt = 0;
  }

  /**
   * Takes an update in. The caller has checked that it belongs to this scope (FLOW-2 to FLOW-5).
   *
   * @param update - kept, not copied
   * @param nowMs - the time of its arrival
   */
  apply(update: FlowUpdate, nowMs: number): FlowOutcome {
    const newest = this.newest;
    if (newest !== undefined && update.creditEpoch <= newest.creditEpoch) {
      return sameContent(update, newest) ? 'repeated' : 'stale';
    }
    this.newest = update;
    this.flags = update.flowFlags;
    this.retryAt = (update.flowFlags & FlowFlags.RetryAfterValid) === 0 ? 0 : nowMs + update.retryAfterMs;
    if ((update.flowFlags & FlowFlags.CreditValid) !== 0) this.currentCredit = creditOf(update);

    const released = update.updateReason === UpdateReason.Grant || update.updateReason === UpdateReason.Resume;
    if (update.updateReason === UpdateReason.Pause) this.isPaused = true;
    else if (released) this.isPaused = false;
    if (released || this.currentLevel !== BackpressureLevel.Hard) this.currentLevel = update.backpressureLevel;
    return 'applied';
  }
}

/** The one credit that counts in the scope of the update; the others are zero, or are not about it. */
function creditOf(update: FlowUpdate): number {
  switch (update.scopeKind) {
    case ScopeKind.Connection:
      return update.connectionCredit;
    case ScopeKind.Session:
      return update.sessionCredit;
    case ScopeKind.Operation:
      return update.operationCredit;
  }
}

function sameContent(one: FlowUpdate, other: FlowUpdate): boolean {
  return (
    one.creditEpoch === other.creditEpoch &&
    one.scopeKind === other.scopeKind &&
    one.updateReason === other.updateReason &&
    one.backpressureLevel === other.backpressureLevel &&
    one.connectionCredit === other.connectionCredit &&
    one.sessionCredit === other.sessionCredit &&
    one.operationCredit === other.operationCredit &&
    one.operationId === other.operationId &&
    one.retryAfterMs === other.retryAfterMs &&
    one.flowFlags === other.flowFlags
  );
}
