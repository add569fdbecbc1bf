import { checkUnsignedField } from '../../bytes/unsigned-field.js';
import { viewOf } from '../../bytes/view-of.js';
import type { WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import { EXTENSION_FLAGS_MASK, ExtensionFlags } from '../../generated/preview3/flags.js';
import { brokenRule } from '../../rules/broken-rule.js';

/** One entry of a control extension block: the bodies of hello messages and CLOSE, the extensions of a session open. */
export interface ControlExtension {
  /**
   * What it is: 0x0001 to 0x3fff standard, 0x4000 to 0x7fff experimental, 0x8000 to 0xbfff of a vendor, 0xc000 to 0xffff
   * local; 0 is not used, and read as any other type that is not known.
   */
  readonly type: number;
  /** Whether a receiver that does not know the type refuses the message instead of skipping the entry. */
  readonly critical: boolean;
  /** Any length. When read: a subarray of the block. When written: copied. */
  readonly payload: Uint8Array;
}

/** Entries that a block holds at most. The protocol has no bound; an empty entry takes only 8 bytes. */
export const MAX_CONTROL_EXTENSIONS = 64;

const WHERE = 'CONTROL_EXTENSION_BLOCK';
const HEAD_BYTES = 8;
const FLAGS_AT = 2;
const LENGTH_AT = 4;

/**
 * Checks a control extension block without throwing. An unknown type is no fault here: what it means that an entry is
 * critical is for the receiver of the message to decide.
 *
 * The reference has no such codec. TLV-1 and TLV-2 are names of this implementation.
 *
 * @param bytes - the whole block; an empty one is fine
 * @returns the first fault, entry by entry: too_many_items from the 65th, TLV-1 (head cut off), reserved_bits_set, TLV-1
 *   (payload or padding cut off), TLV-2 (padding that is not zero)
 * @see NNRP/1-preview3 section 13.1
 */
export function checkControlExtensions(bytes: Uint8Array): WireFault | undefined {
  return checkBlock(viewOf(bytes));
}

/**
 * Decodes a control extension block.
 *
 * @returns the entries in order; their payloads are subarrays of `bytes`
 * @throws WireError with what {@link checkControlExtensions} finds
 * @see NNRP/1-preview3 section 13.1
 */
export function decodeControlExtensions(bytes: Uint8Array): ControlExtension[] {
  const view = viewOf(bytes);
  const fault = checkBlock(view);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  const extensions: ControlExtension[] = [];
  for (let at = 0; at < bytes.length; ) {
    const payloadEnd = at + HEAD_BYTES + view.getUint32(at + LENGTH_AT, true);
    extensions.push({
      type: view.getUint16(at, true),
      critical: (view.getUint16(at + FLAGS_AT, true) & ExtensionFlags.Critical) !== 0,
      payload: bytes.subarray(at + HEAD_BYTES, payloadEnd),
    });
    at = padded(payloadEnd);
  }
  return extensions;
}

/**
 * Encodes a control extension block, in the order given.
 *
 * @returns new bytes, a multiple of 8
 * @throws WireError too_many_items for more than 64, field_out_of_range for a type that is no u16,
 *   message_length_overflow when the block does not fit 32 bits
 * @see NNRP/1-preview3 section 13.1
 */
export function encodeControlExtensions(extensions: readonly ControlExtension[]): Uint8Array {
  const bytes = new Uint8Array(controlExtensionBytes(extensions));
  const view = viewOf(bytes);
  let at = 0;
  for (const { type, critical, payload } of extensions) {
    const unfit = checkUnsignedField('ext_type', 'u16', type);
    if (unfit !== undefined) throw new WireError(unfit, WHERE);
    view.setUint16(at, type, true);
    view.setUint16(at + FLAGS_AT, critical ? ExtensionFlags.Critical : 0, true);
    view.setUint32(at + LENGTH_AT, payload.length, true);
    bytes.set(payload, at + HEAD_BYTES);
    at = padded(at + HEAD_BYTES + payload.length);
  }
  return bytes;
}

/**
 * Length of the block that will hold these entries, in bytes: what control_extension_bytes says.
 * @throws WireError too_many_items for more than 64, message_length_overflow when it does not fit 32 bits
 */
export function controlExtensionBytes(extensions: readonly ControlExtension[]): number {
  const tooMany = checkCount(extensions.length);
  if (tooMany !== undefined) throw new WireError(tooMany, WHERE);
  let total = 0;
  for (const { payload } of extensions) total = padded(total + HEAD_BYTES + payload.length);
  if (total > 0xffffffff) throw new WireError({ kind: 'message_length_overflow' }, WHERE);
  return total;
}

function checkBlock(view: DataView): WireFault | undefined {
  const end = view.byteLength;
  let count = 0;
  for (let at = 0; at < end; ) {
    count += 1;
    const tooMany = checkCount(count);
    if (tooMany !== undefined) return tooMany;
    if (at + HEAD_BYTES > end) return brokenRule('TLV-1');
    const flags = view.getUint16(at + FLAGS_AT, true);
    if ((flags & ~EXTENSION_FLAGS_MASK) !== 0) {
      return { kind: 'reserved_bits_set', value: flags, allowed: EXTENSION_FLAGS_MASK };
    }
    const payloadEnd = at + HEAD_BYTES + view.getUint32(at + LENGTH_AT, true);
    const next = padded(payloadEnd);
    if (next > end) return brokenRule('TLV-1');
    for (let pad = payloadEnd; pad < next; pad++) if (view.getUint8(pad) !== 0) return brokenRule('TLV-2');
    at = next;
  }
  return undefined;
}

function checkCount(count: number): WireFault | undefined {
  if (count <= MAX_CONTROL_EXTENSIONS) return undefined;
  return { kind: 'too_many_items', limit: MAX_CONTROL_EXTENSIONS, actual: count };
}

/** The next multiple of 8; not by bit operations, since two lengths together may exceed 32 bits. */
function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}
