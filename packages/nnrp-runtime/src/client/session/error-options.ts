import { optionTable, TRUTH, U32 } from '../../base/option-kinds.js';
import { type Complete, withDefaults } from '../../base/options.js';

/** What an ERROR to the server refers to. */
export interface ClientErrorOptions {
  /** The frame concerned; 0 = the session, the default. */
  readonly frameId?: number | undefined;
  /** Default false. */
  readonly fatal?: boolean | undefined;
  /** Milliseconds after which a retry may help; 0 = no advice, the default. */
  readonly retryAfterMs?: number | undefined;
}

const ERROR_DEFAULTS: Complete<ClientErrorOptions> = { frameId: 0, fatal: false, retryAfterMs: 0 };

const ERROR_OPTIONS = optionTable<ClientErrorOptions>({ frameId: U32, fatal: TRUTH, retryAfterMs: U32 });

/** @throws UsageError on an option that does not exist or fit */
export function errorOptions(options: ClientErrorOptions): Complete<ClientErrorOptions> {
  return withDefaults('error options', options, ERROR_DEFAULTS, ERROR_OPTIONS);
}
