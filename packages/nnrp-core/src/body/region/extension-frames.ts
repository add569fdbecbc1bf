import { checkUnsignedField } from '../../bytes/unsigned-field.js';
import { viewOf } from '../../bytes/view-of.js';
import { faultAt, type WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import {
  checkExtensionFrameDescriptor,
  decodeExtensionFrameDescriptor,
  EXTENSION_FRAME_DESCRIPTOR_BYTES,
  EXTENSION_FRAME_DESCRIPTOR_OFFSETS,
  EXTENSION_FRAME_DESCRIPTOR_RULES,
  type ExtensionFrameDescriptor,
  encodeExtensionFrameDescriptor,
} from '../../generated/preview3/extension-frame-descriptor.js';
import { ExtensionFlags } from '../../generated/preview3/flags.js';
import { brokenRule } from '../../rules/broken-rule.js';
import { checkItemCount } from './item-limit.js';

/** One extension frame. No kind is assigned in preview3, so a receiver may skip every one it gets. */
export interface ExtensionFrame {
  readonly descriptor: ExtensionFrameDescriptor;
  /** The payload: a subarray of the bytes it was read from, which must therefore not be reused while it is held. */
  readonly payload: Uint8Array;
}

/** An extension frame to be written: the place of the payload in the region follows from the payloads. */
export interface ExtensionFrameInput {
  readonly descriptor: Omit<ExtensionFrameDescriptor, 'payloadOffset' | 'payloadLength'>;
  /** Copied when written. */
  readonly payload: Uint8Array;
}

const WHERE = 'EXTENSION_REGION';

/**
 * Checks the extension regions, that is descriptors and then payload, without throwing.
 *
 * The reference has no such codec, and only BODY-2 has a name in the protocol. The others are names of this
 * implementation: EXT-1, a frame starts before the end of the one before it (not ascending, or overlapping); EXT-2, a
 * frame ends after the payload region; EXT-3, a critical frame, whose kind is unknown because none is assigned and no
 * critical bit can be negotiated. Bytes of the payload region that belong to no frame are accepted.
 *
 * @param bytes - both regions
 * @param descriptorBytes - length of the descriptors in bytes; the payload is the rest
 * @returns the first fault: field_out_of_range for a `descriptorBytes` that is no u32, BODY-2, source_too_short,
 *   too_many_items beyond 65535, a bad descriptor, then per descriptor EXT-1, message_length_overflow, EXT-2 and EXT-3
 * @see NNRP/1-preview3 section 10.6
 */
export function checkExtensionFrames(bytes: Uint8Array, descriptorBytes: number): WireFault | undefined {
  return checkExtensionFramesAt(viewOf(bytes), 0, bytes.length, descriptorBytes);
}

/**
 * Decodes the extension regions.
 *
 * @returns the frames in order, all of them not critical; their payloads are subarrays of `bytes`
 * @throws WireError with what {@link checkExtensionFrames} finds
 * @see NNRP/1-preview3 section 10.6
 */
export function decodeExtensionFrames(bytes: Uint8Array, descriptorBytes: number): ExtensionFrame[] {
  const view = viewOf(bytes);
  const fault = checkExtensionFramesAt(view, 0, bytes.length, descriptorBytes);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return readExtensionFrames(bytes, view, 0, descriptorBytes);
}

/**
 * Encodes the extension regions, in the order given and without gaps.
 *
 * @returns new bytes: 16 for each frame, then the payloads
 * @throws WireError when a value does not fit its field or {@link checkExtensionFrames} would refuse the regions
 * @see NNRP/1-preview3 section 10.6
 */
export function encodeExtensionFrames(frames: readonly ExtensionFrameInput[]): Uint8Array {
  const descriptorBytes = frames.length * EXTENSION_FRAME_DESCRIPTOR_BYTES;
  const bytes = new Uint8Array(descriptorBytes + extensionPayloadBytes(frames));
  const view = viewOf(bytes);
  writeExtensionFrames(frames, bytes, view, 0);
  const fault = checkExtensionFramesAt(view, 0, bytes.length, descriptorBytes);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return bytes;
}

/** {@link checkExtensionFrames} of regions inside a larger view; `start` and `end` in bytes. */
export function checkExtensionFramesAt(
  view: DataView,
  start: number,
  end: number,
  descriptorBytes: number,
): WireFault | undefined {
  const unfit = checkUnsignedField('extension_descriptor_bytes', 'u32', descriptorBytes);
  if (unfit !== undefined) return unfit;
  if (descriptorBytes % EXTENSION_FRAME_DESCRIPTOR_BYTES !== 0) return brokenRule('BODY-2');
  const payloadBytes = end - start - descriptorBytes;
  if (payloadBytes < 0) return { kind: 'source_too_short', expected: descriptorBytes, actual: end - start };
  const tooMany = checkItemCount(descriptorBytes / EXTENSION_FRAME_DESCRIPTOR_BYTES);
  if (tooMany !== undefined) return tooMany;

  const descriptorsEnd = start + descriptorBytes;
  for (let at = start; at < descriptorsEnd; at += EXTENSION_FRAME_DESCRIPTOR_BYTES) {
    const broken = checkExtensionFrameDescriptor(view, at);
    if (broken !== -1) return faultAt(EXTENSION_FRAME_DESCRIPTOR_RULES, broken, view, at);
  }

  let previousEnd = 0;
  for (let at = start; at < descriptorsEnd; at += EXTENSION_FRAME_DESCRIPTOR_BYTES) {
    const offset = view.getUint32(at + EXTENSION_FRAME_DESCRIPTOR_OFFSETS.payloadOffset, true);
    if (offset < previousEnd) return brokenRule('EXT-1');
    previousEnd = offset + view.getUint32(at + EXTENSION_FRAME_DESCRIPTOR_OFFSETS.payloadLength, true);
    if (previousEnd > 0xffffffff) return { kind: 'message_length_overflow' };
    if (previousEnd > payloadBytes) return brokenRule('EXT-2');
    const flags = view.getUint16(at + EXTENSION_FRAME_DESCRIPTOR_OFFSETS.extensionFlags, true);
    if ((flags & ExtensionFlags.Critical) !== 0) return brokenRule('EXT-3');
  }
  return undefined;
}

/** The frames of regions that {@link checkExtensionFramesAt} accepts; `view` is over `bytes`. */
export function readExtensionFrames(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  descriptorBytes: number,
): ExtensionFrame[] {
  const frames: ExtensionFrame[] = [];
  const payloadsStart = start + descriptorBytes;
  for (let at = start; at < payloadsStart; at += EXTENSION_FRAME_DESCRIPTOR_BYTES) {
    const descriptor = decodeExtensionFrameDescriptor(view, at);
    const payloadStart = payloadsStart + descriptor.payloadOffset;
    frames.push({ descriptor, payload: bytes.subarray(payloadStart, payloadStart + descriptor.payloadLength) });
  }
  return frames;
}

/**
 * Length of the payloads without their descriptors, in bytes.
 * @throws WireError too_many_items for more than 65535 frames, message_length_overflow when it does not fit 32 bits
 */
export function extensionPayloadBytes(frames: readonly ExtensionFrameInput[]): number {
  const tooMany = checkItemCount(frames.length);
  if (tooMany !== undefined) throw new WireError(tooMany, WHERE);
  let total = 0;
  for (const { payload } of frames) total += payload.length;
  if (total > 0xffffffff) throw new WireError({ kind: 'message_length_overflow' }, WHERE);
  return total;
}

/**
 * Writes descriptors and payloads at `start`; `view` is over `bytes`, which are long enough.
 * @throws WireError when a value does not fit its field
 */
export function writeExtensionFrames(
  frames: readonly ExtensionFrameInput[],
  bytes: Uint8Array,
  view: DataView,
  start: number,
): void {
  const payloadsStart = start + frames.length * EXTENSION_FRAME_DESCRIPTOR_BYTES;
  let at = start;
  let payloadOffset = 0;
  for (const { descriptor, payload } of frames) {
    at = encodeExtensionFrameDescriptor({ ...descriptor, payloadOffset, payloadLength: payload.length }, view, at);
    bytes.set(payload, payloadsStart + payloadOffset);
    payloadOffset += payload.length;
  }
}
