import { integer, type OptionTable, optionTable } from '../../base/option-kinds.js';
import type { Complete } from '../../base/options.js';
import { withDefaults } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';

/** How often a call is made again, and when; what is left out, or undefined, has its default. */
export interface RetryOptions {
  /** Attempts in all, the first one included; default 3. */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds before the second attempt at most, where the error says nothing; each further one waits up to twice as long; default 100. */
  readonly backoffMs?: number | undefined;
  /** Milliseconds that an attempt waits at most. An error that asks for a longer wait is not retried; default 30000. */
  readonly maxWaitMs?: number | undefined;
}

export const RETRY_DEFAULTS: Complete<RetryOptions> = { maxAttempts: 3, backoffMs: 100, maxWaitMs: 30_000 };
const OPTIONS: OptionTable = optionTable<RetryOptions>({
  maxAttempts: integer(1, 1000),
  backoffMs: integer(0, MAX_TIMER_MS),
  maxWaitMs: integer(0, MAX_TIMER_MS),
});

/** @throws UsageError on an option that does not exist or fit */
export function retryOptions(options: RetryOptions | undefined): Complete<RetryOptions> {
  return withDefaults<Complete<RetryOptions>>('retry options', options, RETRY_DEFAULTS, OPTIONS);
}
