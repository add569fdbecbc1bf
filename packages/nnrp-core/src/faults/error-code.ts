import type { WireFaultKind } from './fault.js';

/** Code of a {@link WireError}: the kind of its fault. */
export type WireErrorCode = `NNRP_ERR_${Uppercase<WireFaultKind>}`;

/** Every code that these packages give to an error; docs/errors.md says of each what it means. */
export type NnrpErrorCode =
  | WireErrorCode
  | 'NNRP_ERR_CANCELLED'
  | 'NNRP_ERR_CANCELLED_BY_SERVER'
  | 'NNRP_ERR_CLOSE_REJECTED'
  | 'NNRP_ERR_CLOSED'
  | 'NNRP_ERR_DEADLINE'
  | 'NNRP_ERR_FLOW_BLOCKED'
  | 'NNRP_ERR_HANDLER_FAILED'
  | 'NNRP_ERR_IN_FLIGHT_LIMIT'
  | 'NNRP_ERR_PEER'
  | 'NNRP_ERR_PROTOCOL'
  | 'NNRP_ERR_RESULT_DROPPED'
  | 'NNRP_ERR_RESULT_TOO_LARGE'
  | 'NNRP_ERR_RETRY_LATER'
  | 'NNRP_ERR_SERVER_BUSY'
  | 'NNRP_ERR_SERVER_SHUTDOWN'
  | 'NNRP_ERR_SESSION_LOST'
  | 'NNRP_ERR_SESSION_REFUSED'
  | 'NNRP_ERR_SUBMIT_REFUSED'
  | 'NNRP_ERR_TIMEOUT'
  | 'NNRP_ERR_TRANSPORT'
  | 'NNRP_ERR_USAGE';

/**
 * A code that the application of a server has made up, see HandlerError of nnrp-runtime; none begins with `NNRP_`. Any
 * text to the compiler: editors still offer the codes of {@link NnrpErrorCode} where both may stand.
 */
export type ApplicationErrorCode = string & Record<never, never>;
