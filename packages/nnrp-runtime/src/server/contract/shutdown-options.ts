import { CloseReason, InFlightPolicy } from 'nnrp-core/preview3';
import { integer, optionTable } from '../../base/option-kinds.js';
import { type Kept, readValues } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { ServerCloseOptions } from './close-options.js';

/** How a server is closed; what is left out, or undefined, has its default. */
export interface ShutdownOptions {
  /** Milliseconds for operations in flight to be answered, 0 = none; default `drainTimeoutMs` of the server. */
  readonly drainTimeoutMs?: number | undefined;
}

const OPTIONS = optionTable<ShutdownOptions>({ drainTimeoutMs: integer(0, MAX_TIMER_MS) });

/** @throws UsageError on an option that does not exist or fit */
export function shutdownOptions(options: ShutdownOptions): Kept<ShutdownOptions> {
  return readValues('server close options', options, OPTIONS);
}

/** How each session is closed then. */
export function goodbye(drainTimeoutMs: number): ServerCloseOptions {
  const inFlightPolicy = drainTimeoutMs > 0 ? InFlightPolicy.Drain : InFlightPolicy.Abort;
  return { reason: CloseReason.ServerShutdown, inFlightPolicy, drainTimeoutMs };
}
