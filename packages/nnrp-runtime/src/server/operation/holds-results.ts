import type { FlowScope } from 'nnrp-core';
import { BackpressureLevel } from 'nnrp-core/preview3';

/** Whether the client wants no partial results of this scope now. */
export function holdsResults(scope: FlowScope, isBackground: boolean): boolean {
  return (
    scope.paused ||
    scope.level === BackpressureLevel.Hard ||
    scope.credit === 0 ||
    (scope.backgroundOnly && !isBackground) ||
    scope.retryAtMs > performance.now()
  );
}
