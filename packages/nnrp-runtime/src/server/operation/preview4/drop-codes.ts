import { DropReasonCode, ReasonCode } from 'nnrp-core/preview4';
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

const ABORT_CODES: Readonly<Record<number, number>> = {
  [ReasonCode.Superseded]: DropReasonCode.Superseded,
  [ReasonCode.DeadlineExpired]: DropReasonCode.DeadlineExpired,
  [ReasonCode.BudgetExceeded]: DropReasonCode.BudgetExceeded,
  [ReasonCode.TransportClosing]: DropReasonCode.TransportClosed,
  [ReasonCode.Shutdown]: DropReasonCode.TransportClosed,
  [ReasonCode.ConformanceInjection]: DropReasonCode.ConformanceInjection,
};

/** What a client is told of a frame that it has aborted: its own reason, where there is a code for it. */
export function abortedBecause(reasonCode: number): number {
  return ABORT_CODES[reasonCode] ?? DropReasonCode.PeerCancelled;
}
