import { type FlowScope, preview3 } from 'nnrp-core';

const { BackpressureLevel } = preview3;

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
