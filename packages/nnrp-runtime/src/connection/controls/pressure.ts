import { type FlowFields, type FlowScope, FlowSender } from 'nnrp-core';
import { BackpressureLevel, ScopeKind, UpdateReason } from 'nnrp-core/preview3';
import type * as preview4 from 'nnrp-core/preview4';

/** More is no limit to anything. */
const MOST_CREDIT = 0xffff;
/** pressure_level paused. */
const PAUSED = 3;
const MOST_MS = 0xffff_ffff;

/** Tells a scope of the flow what BACKPRESSURE, CREDIT_UPDATE and RETRY_AFTER mean for it, in the words of FLOW_UPDATE. */
export class Pressure {
  private readonly sender = new FlowSender(ScopeKind.Session);

  constructor(readonly scope: FlowScope) {}

  /** CREDIT_UPDATE: a window that is not 0 lifts what BACKPRESSURE has stopped. */
  credit({ creditWindow, retryAfterMs }: preview4.Pressure): void {
    const isGrant = creditWindow > 0n;
    this.tell({
      updateReason: isGrant ? UpdateReason.Grant : UpdateReason.Reduce,
      backpressureLevel: isGrant ? BackpressureLevel.None : this.scope.level,
      credit: creditOf(creditWindow),
      ...(retryAfterMs > 0 && { retryAfterMs }),
    });
  }

  /** BACKPRESSURE. Where the server says when to try again, it stops nothing for longer. */
  backpressure({ creditWindow, pressureLevel, retryAfterMs }: preview4.Pressure): void {
    const stops = pressureLevel >= BackpressureLevel.Hard && retryAfterMs === 0;
    const isPause = pressureLevel >= PAUSED && stops;
    this.tell({
      updateReason: isPause ? UpdateReason.Pause : UpdateReason.Grant,
      backpressureLevel: stops && !isPause ? BackpressureLevel.Hard : BackpressureLevel.Soft,
      ...(creditWindow > 0n && { credit: creditOf(creditWindow) }),
      ...(retryAfterMs > 0 && { retryAfterMs }),
    });
  }

  /** RETRY_AFTER: so long, and a part of the jitter that is drawn at random. */
  retryAfter({ retryAfterMs, jitterMs }: preview4.RetryAfter): void {
    const waitMs = Math.min(retryAfterMs + Math.floor(Math.random() * (jitterMs + 1)), MOST_MS);
    if (waitMs === 0) return;
    this.tell({ updateReason: UpdateReason.Congestion, backpressureLevel: this.scope.level, retryAfterMs: waitMs });
  }

  private tell(fields: FlowFields): void {
    this.scope.apply(this.sender.next(fields), performance.now());
  }
}

function creditOf(window: bigint): number {
  return window > MOST_CREDIT ? MOST_CREDIT : Number(window);
}
