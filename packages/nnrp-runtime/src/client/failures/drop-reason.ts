import { CancelledError, ClosedError, DeadlineError, type NnrpError, type Packet, PeerError } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';
import { bodyText } from '../../connection/body/body-reading.js';
import { preview4Words } from '../../connection/controls/loaded-preview4.js';
import { wireName } from './wire-names.js';

/** Bytes of its text that are looked at. */
const MAX_TEXT_BYTES = 1024;

/** What RESULT_DROP_REASON says. */
export interface DropReason {
  readonly reasonCode: number;
  readonly isRetryable: boolean;
  readonly text: string;
}

export function readDropReason({ view, metadataStart, body }: Packet): DropReason {
  const { decodeResultDropReason, ResultDropReasonFlags } = preview4Words();
  const { dropReasonCode: reasonCode, flags } = decodeResultDropReason(view, metadataStart);
  const isRetryable = (flags & ResultDropReasonFlags.Retryable) !== 0;
  return { reasonCode, isRetryable, text: bodyText(body.subarray(0, MAX_TEXT_BYTES)) };
}

/** How an operation ends whose server says why it drops it. @param deadlineMs - what the client had granted, 0 = any time */
export function reasonFailure(frameId: number, reason: DropReason, deadlineMs: number): NnrpError {
  const { DropReasonCode } = preview4Words();
  const { reasonCode, text: said } = reason;
  const also = said === '' ? '' : `: ${said}`;
  const text = `frame ${frameId} was dropped by the server: ${wireName(DropReasonCode, reasonCode)}${also}`;
  const isBusy = reasonCode === DropReasonCode.Backpressure;
  const options = { reasonCode, isRetryable: reason.isRetryable || isBusy };
  switch (reasonCode) {
    case DropReasonCode.DeadlineExpired:
      return new DeadlineError(text, deadlineMs, options);
    case DropReasonCode.PeerCancelled:
      return new CancelledError(text, options, 'NNRP_ERR_CANCELLED_BY_SERVER');
    case DropReasonCode.TransportClosed:
      return new ClosedError(text, options);
    case DropReasonCode.CapabilityMismatch:
      return new PeerError('NNRP_ERR_SUBMIT_REFUSED', text, ErrorCode.UnsupportedCapability, 0, options);
    default:
      return new PeerError(isBusy ? 'NNRP_ERR_SERVER_BUSY' : 'NNRP_ERR_RESULT_DROPPED', text, 0, 0, options);
  }
}

/** Whether the operation has run out of time with its session or connection. */
export function isClosedReason({ reasonCode }: DropReason): boolean {
  return reasonCode === preview4Words().DropReasonCode.TransportClosed;
}
