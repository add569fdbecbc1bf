import { integer, optionTable } from '../../base/option-kinds.js';
import type { Complete } from '../../base/options.js';
import { withDefaults } from '../../base/options.js';
import type { SchedulingOptions } from '../scheduling/scheduling-options.js';
import { schedulingOptions } from '../scheduling/scheduling-options.js';

/** How handlers are run; what is left out, or undefined, has its default. */
export interface ServeOptions {
  /** Submit handlers that run at once, over all connections; more wait for their turn; default 1024. */
  readonly maxConcurrentOperations?: number | undefined;
  /** Operations that may wait for a handler; more are dropped with server_busy; default 4096. */
  readonly maxQueuedOperations?: number | undefined;
  /** How these are shared out between connections and priority classes, see docs/scheduling.md; default {}. */
  readonly scheduling?: SchedulingOptions | undefined;
}

/** With all defaults filled in. */
export interface CompleteServeOptions extends Complete<ServeOptions> {
  readonly scheduling: Complete<SchedulingOptions>;
}

const DEFAULTS: Complete<ServeOptions> = { maxConcurrentOperations: 1024, maxQueuedOperations: 4096, scheduling: {} };

const COUNT = integer(1, 0x7fffffff);

const OPTIONS = optionTable<ServeOptions>({
  maxConcurrentOperations: COUNT,
  maxQueuedOperations: COUNT,
  scheduling: undefined,
});

/** @throws UsageError that names the option, what it takes and what it got */
export function serveOptions(options: ServeOptions): CompleteServeOptions {
  const { scheduling, ...counts } = withDefaults('serve', options, DEFAULTS, OPTIONS);
  return {
    ...counts,
    scheduling: schedulingOptions(scheduling, counts.maxConcurrentOperations, counts.maxQueuedOperations),
  };
}
