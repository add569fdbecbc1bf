/**
 * What is wrong with some bytes or values, as data: a kind and its details (docs/protocol.md 15.1, plus the kinds that a
 * bounded, strict receiver adds). Faults are plain objects: the network path makes one per refused packet and never
 * throws; {@link WireError} carries one where an exception is the right answer.
 */
export type WireFault =
  | { readonly kind: 'source_too_short'; readonly expected: number; readonly actual: number }
  | { readonly kind: 'destination_too_short'; readonly expected: number; readonly actual: number }
  | { readonly kind: 'invalid_magic' }
  | { readonly kind: 'invalid_header_length'; readonly value: number }
  | { readonly kind: 'unsupported_version_major'; readonly value: number }
  | { readonly kind: 'unsupported_wire_format'; readonly value: number }
  | { readonly kind: 'unknown_message_type'; readonly value: number }
  | { readonly kind: 'unknown_enum_value'; readonly enum: string; readonly value: number }
  | { readonly kind: 'reserved_bits_set'; readonly value: number; readonly allowed: number }
  | { readonly kind: 'nonzero_reserved_field'; readonly field: string }
  | { readonly kind: 'invalid_combination'; readonly rule: string }
  | { readonly kind: 'packet_length_mismatch'; readonly declared: number; readonly actual: number }
  | { readonly kind: 'message_length_overflow' }
  /** A packet that declares more bytes than the receiver takes. Lengths in bytes. */
  | { readonly kind: 'packet_too_large'; readonly limit: number; readonly declared: number }
  /** Metadata longer than its structure (docs/protocol.md A-16). Lengths in bytes. */
  | { readonly kind: 'metadata_length_mismatch'; readonly expected: number; readonly actual: number }
  /** A body on a message that has none (docs/protocol.md A-17). */
  /** Metadata that announces another body than came. Lengths in bytes. */
  | {
      readonly kind: 'declared_length_mismatch';
      readonly field: string;
      readonly declared: number;
      readonly actual: number;
    }
  /** A body of capability tokens that is none; the rule is a CAP. */
  | { readonly kind: 'invalid_capability_body'; readonly rule: string }
  /** A token with characters that none has, cut to 200 of them. */
  | { readonly kind: 'invalid_capability_token'; readonly token: string }
  /** A token that neither the protocol nor the receiver knows, cut to 200 characters. */
  | { readonly kind: 'unknown_capability_token'; readonly token: string }
  /** Bytes that are no recovery ticket; the rule is a TICKET. */
  | { readonly kind: 'invalid_recovery_ticket'; readonly rule: string }
  | { readonly kind: 'unexpected_body'; readonly message: string; readonly actual: number }
  /** session_id or frame_id of the header against docs/protocol.md 5. */
  | {
      readonly kind: 'invalid_header_id';
      readonly message: string;
      readonly field: 'session_id' | 'frame_id';
      readonly expected: 'zero' | 'non-zero';
      readonly actual: number;
    }
  /**
   * More items in a region of a body than the receiver takes. Where items have no fixed size, a reader stops counting at
   * the first one too many.
   */
  | { readonly kind: 'too_many_items'; readonly limit: number; readonly actual: number }
  /** A value that its field cannot hold: one to be written, or a length or count passed beside the bytes. */
  | { readonly kind: 'field_out_of_range'; readonly field: string; readonly type: string; readonly value: string };

export type WireFaultKind = WireFault['kind'];

/**
 * One check of a structure, in fault order; index 0 is the length check. `checkX` returns an index into this table and
 * {@link faultAt} turns it into a fault. Offsets and sizes in bytes.
 */
export type WireRule =
  | { readonly kind: 'source_too_short'; readonly bytes: number }
  | { readonly kind: 'invalid_magic'; readonly offset: number }
  | {
      readonly kind:
        | 'invalid_header_length'
        | 'unsupported_version_major'
        | 'unsupported_wire_format'
        | 'unknown_message_type';
      readonly field: string;
      readonly offset: number;
      readonly size: 1 | 2 | 4;
    }
  | {
      readonly kind: 'unknown_enum_value';
      readonly field: string;
      readonly offset: number;
      readonly size: 1 | 2 | 4;
      readonly enum: string;
    }
  | {
      readonly kind: 'reserved_bits_set';
      readonly field: string;
      readonly offset: number;
      readonly size: 1 | 2 | 4;
      readonly allowed: number;
    }
  | { readonly kind: 'nonzero_reserved_field'; readonly field: string; readonly offset: number }
  | { readonly kind: 'invalid_combination'; readonly rule: string };

/**
 * The fault behind a broken rule.
 *
 * @param rules - the structure's table
 * @param index - what `checkX` returned, 0 or more
 * @param view - the bytes that were checked
 * @param offset - where the structure starts in them
 */
export function faultAt(rules: readonly WireRule[], index: number, view: DataView, offset: number): WireFault {
  const rule = rules[index];
  if (rule === undefined) throw new RangeError(`rule ${index} of ${rules.length}`);
  switch (rule.kind) {
    case 'source_too_short':
      return { kind: rule.kind, expected: rule.bytes, actual: bytesLeft(view, offset) };
    case 'invalid_magic':
      return { kind: rule.kind };
    case 'invalid_combination':
      return { kind: rule.kind, rule: rule.rule };
    case 'nonzero_reserved_field':
      return { kind: rule.kind, field: rule.field };
    default:
      return faultWithValue(rule, readUnsigned(view, offset + rule.offset, rule.size));
  }
}

/** The fault of a rule that reports the offending value. */
export function faultWithValue(rule: WireRule, value: number): WireFault {
  switch (rule.kind) {
    case 'unknown_enum_value':
      return { kind: rule.kind, enum: rule.enum, value };
    case 'reserved_bits_set':
      return { kind: rule.kind, value, allowed: rule.allowed };
    case 'invalid_header_length':
    case 'unsupported_version_major':
    case 'unsupported_wire_format':
    case 'unknown_message_type':
      return { kind: rule.kind, value };
    case 'invalid_combination':
      return { kind: rule.kind, rule: rule.rule };
    case 'nonzero_reserved_field':
      return { kind: rule.kind, field: rule.field };
    default:
      throw new RangeError(`rule ${rule.kind} reports no value`);
  }
}

/** Bytes from `offset` to the end of the view; 0 when the offset lies outside it. */
export function bytesLeft(view: DataView, offset: number): number {
  return offset >= 0 && offset <= view.byteLength ? view.byteLength - offset : 0;
}

function readUnsigned(view: DataView, offset: number, size: 1 | 2 | 4): number {
  if (size === 1) return view.getUint8(offset);
  return size === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true);
}
