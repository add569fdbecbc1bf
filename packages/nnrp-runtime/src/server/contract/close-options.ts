import type * as preview3 from 'nnrp-core/preview3';
import { CloseReason, InFlightPolicy, SessionErrorCode } from 'nnrp-core/preview3';
import { oneOf, optionTable, U32 } from '../../base/option-kinds.js';
import type { Complete } from '../../base/options.js';

/** How a server ends a session; what is left out, or undefined, has its default. */
export interface ServerCloseOptions {
  /** Default normal. */
  readonly reason?: preview3.CloseReason | undefined;
  /** What becomes of operations in flight: drain gives them `drainTimeoutMs`, abort drops them at once; default drain. */
  readonly inFlightPolicy?: preview3.InFlightPolicy | undefined;
  /** Milliseconds for operations in flight to be answered, with drain; default 5000. */
  readonly drainTimeoutMs?: number | undefined;
  /** A session_error_code for the client, 0 = none; default 0. */
  readonly sessionErrorCode?: number | undefined;
}

/** The drain time is that of operations in flight. */
export const CLOSE_DEFAULTS: Complete<ServerCloseOptions> = {
  reason: CloseReason.Normal,
  inFlightPolicy: InFlightPolicy.Drain,
  drainTimeoutMs: 5000,
  sessionErrorCode: SessionErrorCode.None,
};

export const CLOSE_OPTIONS = optionTable<ServerCloseOptions>({
  reason: oneOf('CloseReason', CloseReason),
  inFlightPolicy: oneOf('InFlightPolicy', InFlightPolicy),
  drainTimeoutMs: U32,
  sessionErrorCode: U32,
});
