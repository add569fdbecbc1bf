import { DropReasonCode } from 'nnrp-core/preview4';
import type { DropReason } from '../../contract/server-counters.js';

/** What a client of preview4 is told of a frame without a last result: the assigned code that comes closest. */
export const DROP_CODES: Readonly<Record<DropReason, number>> = {
  cancelled: DropReasonCode.PeerCancelled,
  deadline: DropReasonCode.DeadlineExpired,
  superseded: DropReasonCode.Superseded,
  busy: DropReasonCode.Backpressure,
  in_flight_limit: DropReasonCode.Backpressure,
  session_closed: DropReasonCode.TransportClosed,
  server_shutdown: DropReasonCode.TransportClosed,
  session_lost: DropReasonCode.TransportClosed,
  refused: DropReasonCode.CapabilityMismatch,
  handler_error: DropReasonCode.CapabilityMismatch,
  handler_failed: DropReasonCode.CapabilityMismatch,
  dropped: DropReasonCode.Superseded,
  cancelled_by_server: DropReasonCode.Superseded,
};
