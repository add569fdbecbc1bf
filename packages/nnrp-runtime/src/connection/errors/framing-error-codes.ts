import type { WireFault } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';

/** The error_code for bytes that are no packets; malformed_header where none stands here. */
export const FRAMING_ERROR_CODES: Partial<Record<WireFault['kind'], number>> = {
  unsupported_version_major: ErrorCode.UnsupportedVersion,
  unsupported_wire_format: ErrorCode.UnsupportedVersion,
  packet_too_large: ErrorCode.LimitExceeded,
};
