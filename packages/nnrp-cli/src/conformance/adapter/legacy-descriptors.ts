import { PAYLOAD_KIND_FLAGS_MASK } from 'nnrp-core/preview4';
import { expectBytes, expectSame, failed } from './case-failure.js';

/*
 * The suite still asks for the descriptor that the wire had before preview3, 16 bytes: kind u8, flags u8 = 0, profile u16,
 * offset u32, length u32, reserved u32 = 0. No message of today carries it, so nnrp-core has no codec for it.
 */

const BYTES = 16;

/** A legacy descriptor. */
export interface LegacyDescriptor {
  /** One bit of the kinds of payload. */
  readonly payloadKind: number;
  readonly profileId: number;
  /** From the start of the payloads, in bytes. */
  readonly offset: number;
  readonly length: number;
}

/** @throws CaseFailure on a wrong length, flags, reserved bytes, or what is not exactly one known kind */
function decodeLegacyDescriptor(bytes: Uint8Array): LegacyDescriptor {
  if (bytes.length !== BYTES) throw failed(`legacy descriptor: expected ${BYTES} bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const payloadKind = view.getUint8(0);
  const isOneKind = payloadKind !== 0 && (payloadKind & (payloadKind - 1)) === 0;
  if (!isOneKind || (payloadKind & ~PAYLOAD_KIND_FLAGS_MASK) !== 0)
    throw failed(`legacy descriptor: ${payloadKind} is not one known kind of payload`);
  if (view.getUint8(1) !== 0) throw failed('legacy descriptor: flags are reserved');
  if (view.getUint32(12, true) !== 0) throw failed('legacy descriptor: reserved bytes are not 0');
  const [offset, length] = [view.getUint32(4, true), view.getUint32(8, true)];
  return { payloadKind, profileId: view.getUint16(2, true), offset, length };
}

export function encodeLegacyDescriptor({ payloadKind, profileId, offset, length }: LegacyDescriptor): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, payloadKind);
  view.setUint16(2, profileId, true);
  view.setUint32(4, offset, true);
  view.setUint32(8, length, true);
  return bytes;
}

/** @throws CaseFailure */
export function legacyDescriptorTrip(bytes: Uint8Array, expected: LegacyDescriptor): void {
  expectSame('legacy descriptor', decodeLegacyDescriptor(bytes), expected);
  expectBytes('legacy descriptor written back', encodeLegacyDescriptor(expected), bytes);
}

/**
 * Reads payloads by their legacy descriptors: of declared kinds, one after another from 0, to the last byte.
 *
 * @param kinds - bits of the kinds that are declared
 * @throws CaseFailure
 */
export function legacyRegions(
  descriptors: Uint8Array,
  payload: Uint8Array,
  kinds: number,
): (LegacyDescriptor & { readonly payload: Uint8Array })[] {
  if (descriptors.length % BYTES !== 0)
    throw failed(`legacy descriptors: ${descriptors.length} bytes are not whole ones`);
  let end = 0;
  let seen = 0;
  const frames = [];
  for (let at = 0; at < descriptors.length; at += BYTES) {
    const descriptor = decodeLegacyDescriptor(descriptors.subarray(at, at + BYTES));
    const { payloadKind, offset, length } = descriptor;
    if ((payloadKind & kinds) === 0) throw failed(`legacy descriptor: kind ${payloadKind} is not declared`);
    if (offset !== end) throw failed(`legacy descriptor: offset ${offset}, expected ${end}`);
    end += length;
    seen |= payloadKind;
    frames.push({ ...descriptor, payload: payload.subarray(offset, end) });
  }
  expectSame('kinds of payload', seen, kinds);
  expectSame('bytes that the descriptors cover', end, payload.length);
  return frames;
}
