import { optionTable, TRUTH, U32 } from '../../base/option-kinds.js';

/** What an ERROR to the server refers to. */
export interface ClientErrorOptions {
  /** The frame concerned; 0 = the session, the default. */
  readonly frameId?: number | undefined;
  /** Default false. */
  readonly fatal?: boolean | undefined;
  /** Milliseconds after which a retry may help; 0 = no advice, the default. */
  readonly retryAfterMs?: number | undefined;
}

export const ERROR_OPTIONS = optionTable<ClientErrorOptions>({ frameId: U32, fatal: TRUTH, retryAfterMs: U32 });
