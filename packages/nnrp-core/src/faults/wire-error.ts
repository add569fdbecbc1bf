import { printable } from '../text/printable.js';
import type { WireErrorCode } from './error-code.js';
import type { WireFault } from './fault.js';
import { NnrpError, type NnrpErrorOptions } from './nnrp-error.js';
import { describeRule } from './rule-text.js';

/** The bytes are wrong, or a value cannot be written: a {@link WireFault} with the structure it was found in. */
export class WireError extends NnrpError {
  static override readonly name: string = 'WireError';
  declare readonly code: WireErrorCode;

  constructor(
    readonly fault: WireFault,
    /** Name of the structure or region, such as SESSION_OPEN. */
    readonly where: string,
    options?: NnrpErrorOptions,
  ) {
    super(`NNRP_ERR_${fault.kind.toUpperCase()}`, `${where}: ${describeFault(fault)}`, options);
  }
}

/** One sentence on a fault: what was expected and what came. */
export function describeFault(fault: WireFault): string {
  switch (fault.kind) {
    case 'source_too_short':
    case 'destination_too_short':
      return `expected at least ${fault.expected} bytes, got ${fault.actual}`;
    case 'invalid_magic':
      return "expected the bytes 'NNRP'";
    case 'invalid_header_length':
      return `expected header_len 40, got ${fault.value}`;
    case 'unsupported_version_major':
      return `expected version_major 1, got ${fault.value}`;
    case 'unsupported_wire_format':
      return `expected wire_format 0, got ${fault.value}`;
    case 'unknown_message_type':
      return `message_type ${hex(fault.value)} is not assigned`;
    case 'unknown_enum_value':
      return `${fault.enum} has no value ${fault.value}`;
    case 'reserved_bits_set':
      return `bits ${hex(fault.value)} where only ${hex(fault.allowed)} are assigned`;
    case 'nonzero_reserved_field':
      return `${fault.field} must be zero`;
    case 'packet_length_mismatch':
      return `the header declares ${fault.declared} bytes, got ${fault.actual}`;
    case 'message_length_overflow':
      return 'the lengths do not fit 32 bits';
    case 'packet_too_large':
      return `the header declares ${fault.declared} bytes, the limit is ${fault.limit}`;
    case 'metadata_length_mismatch':
      return `expected exactly ${fault.expected} metadata bytes, got ${fault.actual}`;
    case 'unexpected_body':
      return `expected no body, got ${fault.actual} bytes`;
    case 'invalid_header_id':
      return `expected a ${fault.expected} ${fault.field} in the header, got ${fault.actual}`;
    case 'too_many_items':
      return `expected at most ${fault.limit} items, got ${fault.actual}`;
    case 'field_out_of_range':
      return `${fault.field} is a ${fault.type}, got ${fault.value}`;
    default:
      // Broken rules, and what only preview4 has: clients of preview3 do not carry the names of kinds that they never meet.
      if ('rule' in fault) return describeRule(fault.rule);
      if ('token' in fault) return `'${printable(fault.token)}' is no capability`;
      return `${fault.field} announces ${fault.declared}, got ${fault.actual}`;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}
