import { BackpressureLevel, ScopeKind, UpdateReason } from '../../generated/preview3/enums.js';
import { FlowFlags } from '../../generated/preview3/flags.js';
import type { FlowUpdate } from '../../generated/preview3/flow-update.js';

/** What an update is to say; {@link FlowSender} adds the scope, the epoch and the flags. */
export interface FlowFields {
  /** Default grant. */
  readonly updateReason?: UpdateReason;
  /** Default none. */
  readonly backpressureLevel?: BackpressureLevel;
  /** Operations that may be in flight at once, a u16; left out, the update says nothing about credit. */
  readonly credit?: number;
  /** Milliseconds in which nothing new may begin, a u32; left out, there is no such time. */
  readonly retryAfterMs?: number;
  /** Only sessions of priority background may begin something; default false. */
  readonly backgroundOnly?: boolean;
  /** Nothing new may begin; default false. */
  readonly drainInFlightOnly?: boolean;
}

/** The largest credit_epoch there is. */
const LAST_EPOCH = 0xffffffff;

/**
 * Makes the FLOW_UPDATEs of one scope: complete metadata that satisfies FLOW-2 to FLOW-5, with epochs that count from 1.
 * The epoch never wraps, because a peer ignores everything that is older: after 4294967295 updates it stays, and
 * {@link exhausted} says so.
 *
 * @see NNRP/1-preview3 sections 7.9 and 19
 */
export class FlowSender {
  /**
   * @param operationId - the operation of an operation scope, 0n in the other scopes
   * @param epoch - of the last update that the peer has had of this scope; 0 when it has had none
   */
  constructor(
    readonly scopeKind: ScopeKind,
    readonly operationId = 0n,
    private epoch = 0,
  ) {}

  /** Whether the epochs are used up: peers ignore what {@link next} makes from now on. */
  get exhausted(): boolean {
    return this.epoch === LAST_EPOCH;
  }

  /** The next update, a new object. Writing it fails when a value does not fit its field. */
  next(fields: FlowFields): FlowUpdate {
    const { scopeKind } = this;
    const { credit = 0, retryAfterMs = 0 } = fields;
    if (this.epoch < LAST_EPOCH) this.epoch += 1;
    return {
      scopeKind,
      updateReason: fields.updateReason ?? UpdateReason.Grant,
      backpressureLevel: fields.backpressureLevel ?? BackpressureLevel.None,
      connectionCredit: scopeKind === ScopeKind.Connection ? credit : 0,
      sessionCredit: scopeKind === ScopeKind.Session ? credit : 0,
      operationCredit: scopeKind === ScopeKind.Operation ? credit : 0,
      operationId: this.operationId,
      retryAfterMs,
      creditEpoch: this.epoch,
      flowFlags:
        (fields.credit === undefined ? 0 : FlowFlags.CreditValid) |
        (fields.retryAfterMs === undefined ? 0 : FlowFlags.RetryAfterValid) |
        (fields.backgroundOnly ? FlowFlags.BackgroundOnly : 0) |
        (fields.drainInFlightOnly ? FlowFlags.DrainInFlightOnly : 0),
    };
  }
}
