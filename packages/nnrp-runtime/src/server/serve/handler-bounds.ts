import type { ServerBounds } from '../contract/server-bounds.js';
import type { ConnectionShare } from '../scheduling/connection-share.js';
import type { Dispatcher, DispatcherLimits } from './dispatcher.js';
import type { StuckHandlers } from './stuck-handlers.js';

/** Says what bounds the handlers that run and the operations that wait for one: of the server and of each connection. */
export function declareHandlers(
  bounds: ServerBounds,
  limits: DispatcherLimits,
  dispatcher: Dispatcher,
  stuck: StuckHandlers,
  shares: () => Iterable<ConnectionShare>,
): void {
  const anyNumber = Number.POSITIVE_INFINITY;
  bounds.add('runningOperations', 'server', limits.maxConcurrentOperations, () => dispatcher.runningCount);
  bounds.add('runningBytes', 'server', limits.maxRunningBytes, () => dispatcher.runningBytes);
  bounds.add('queuedOperations', 'server', limits.maxQueuedOperations, () => dispatcher.waitingCount);
  bounds.add('suspendedOperations', 'server', anyNumber, () => dispatcher.suspendedCount);
  bounds.add('stuckHandlers', 'server', anyNumber, () => stuck.count);
  const { maxRunningPerConnection, maxRunningBytesPerConnection } = limits;
  const { maxQueuedPerConnection, maxSuspendedPerConnection } = limits;
  const most = (count: (share: ConnectionShare) => number) => () => {
    let highest = 0;
    for (const share of shares()) highest = Math.max(highest, count(share));
    return highest;
  };
  bounds.add(
    'connectionRunningOperations',
    'connection',
    maxRunningPerConnection,
    most((share) => share.running),
  );
  bounds.add(
    'connectionRunningBytes',
    'connection',
    maxRunningBytesPerConnection,
    most((share) => share.runningBytes),
  );
  bounds.add(
    'connectionQueuedOperations',
    'connection',
    maxQueuedPerConnection,
    most((share) => share.waiting),
  );
  bounds.add(
    'connectionSuspendedOperations',
    'connection',
    maxSuspendedPerConnection,
    most((share) => share.suspended),
  );
}
