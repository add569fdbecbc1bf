import type * as preview3 from 'nnrp-core/preview3';
import { CloseReason, InFlightPolicy } from 'nnrp-core/preview3';
import { oneOf, optionTable, U32 } from '../../base/option-kinds.js';
import { type Complete, checkOptions } from '../../base/options.js';

/** How a session is closed; what is left out, or undefined, has its default. */
export interface CloseOptions {
  /** Default client_shutdown. */
  readonly reason?: preview3.CloseReason | undefined;
  /** What becomes of work in progress; default drain. */
  readonly inFlightPolicy?: preview3.InFlightPolicy | undefined;
  /**
   * Milliseconds the server may take to finish work in progress, 0 = at once; default 5000 with the policy drain when
   * anything is in progress, else 0.
   */
  readonly drainTimeoutMs?: number | undefined;
}

/** The drain time is that of work in progress. */
export const CLOSE_DEFAULTS: Complete<CloseOptions> = {
  reason: CloseReason.ClientShutdown,
  inFlightPolicy: InFlightPolicy.Drain,
  drainTimeoutMs: 5000,
};

const CLOSE_OPTIONS = optionTable<CloseOptions>({
  reason: oneOf('CloseReason', CloseReason),
  inFlightPolicy: oneOf('InFlightPolicy', InFlightPolicy),
  drainTimeoutMs: U32,
});

/** @throws UsageError on an option that does not exist or fit */
export function checkClose(options: CloseOptions): void {
  checkOptions('close options', options, CLOSE_OPTIONS);
}
