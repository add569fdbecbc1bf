import { FlowScope } from 'nnrp-core';
import { BackpressureLevel } from 'nnrp-core/preview3';
import { Pressure } from '../../connection/controls/pressure.js';

/**
 * What a client has said of one scope: by FLOW_UPDATE, and over preview4 by BACKPRESSURE and CREDIT_UPDATE. Either holds results back
 * by itself, and takes back only what it has said itself.
 */
export class SaidFlow {
  private updated: FlowScope | undefined;
  private pressed: Pressure | undefined;

  /** For FLOW_UPDATE. */
  get scope(): FlowScope {
    this.updated ??= new FlowScope();
    return this.updated;
  }

  /** For BACKPRESSURE and CREDIT_UPDATE. */
  get pressure(): Pressure {
    this.pressed ??= new Pressure(new FlowScope());
    return this.pressed;
  }

  /** Whether the client wants no partial results of this scope now. */
  holds(isBackground: boolean): boolean {
    const { updated, pressed } = this;
    return (
      (updated !== undefined && holdsResults(updated, isBackground)) ||
      (pressed !== undefined && holdsResults(pressed.scope, isBackground))
    );
  }

  /** Milliseconds until a pause of a certain length ends; of two, the one that ends first. 0 = there is none. */
  leftMs(): number {
    const nowMs = performance.now();
    const one = (this.updated?.retryAtMs ?? 0) - nowMs;
    const other = (this.pressed?.scope.retryAtMs ?? 0) - nowMs;
    if (one <= 0 || other <= 0) return Math.max(one, other, 0);
    return Math.min(one, other);
  }
}

/** Whether the client wants no partial results of this scope now. */
function holdsResults(scope: FlowScope, isBackground: boolean): boolean {
  return (
    scope.paused ||
    scope.level === BackpressureLevel.Hard ||
    scope.credit === 0 ||
    (scope.backgroundOnly && !isBackground) ||
    scope.retryAtMs > performance.now()
  );
}
