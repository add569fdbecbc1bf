import type { MessageInfo } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { Dice } from './dice.js';
import type { Samples } from './samples.js';

const AT = preview3.COMMON_HEADER_OFFSETS;
const HEADER_BYTES = preview3.COMMON_HEADER_BYTES;
/** Values at which something may turn: around zero, around the limits of 8, 16 and 32 bits, around the header. */
const EDGES = [
  0, 1, 2, 3, 7, 8, 39, 40, 41, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];

interface Place {
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
}

const BYTES = { u8: 1, u16: 2, u32: 4, u64: 8, i16: 2 } as const;

/** Fields of the header behind which the stream goes on as before, whatever they say. */
const HEADER_FIELDS: readonly Place[] = [
  { name: 'session_id', at: AT.sessionId, bytes: 4 },
  { name: 'frame_id', at: AT.frameId, bytes: 4 },
  { name: 'view_id', at: AT.viewId, bytes: 2 },
  { name: 'route_id', at: AT.routeId, bytes: 2 },
  { name: 'trace_id', at: AT.traceId, bytes: 8 },
];
const FLAGS_MASK = preview3.HEADER_FLAGS_MASK;

/** Fields of the header that break the stream, or shift it. */
const FRAMING_FIELDS: readonly Place[] = [
  { name: 'magic', at: AT.magic, bytes: 4 },
  { name: 'version_major', at: AT.versionMajor, bytes: 1 },
  { name: 'wire_format', at: AT.wireFormat, bytes: 1 },
  { name: 'header_len', at: AT.headerLen, bytes: 1 },
  { name: 'meta_len', at: AT.metaLen, bytes: 4 },
  { name: 'body_len', at: AT.bodyLen, bytes: 4 },
  { name: 'flags', at: AT.flags, bytes: 4 },
  { name: 'message_type', at: AT.messageType, bytes: 1 },
];

const metadataPlaces = new WeakMap<MessageInfo, readonly Place[]>();

/** Every byte of a message's metadata belongs to one place: its fields, and what is reserved between them. */
export function placesOf(info: MessageInfo, { structs }: Samples): readonly Place[] {
  const known = metadataPlaces.get(info);
  if (known !== undefined) return known;
  const places: Place[] = [];
  const struct = info.metadata === undefined ? undefined : structs[info.metadata];
  let end = 0;
  for (const { name, offset, type } of struct?.fields ?? []) {
    if (offset > end) places.push({ name: 'reserved', at: HEADER_BYTES + end, bytes: offset - end });
    places.push({ name, at: HEADER_BYTES + offset, bytes: BYTES[type] });
    end = offset + BYTES[type];
  }
  if (end < info.metadataBytes)
    places.push({ name: 'reserved', at: HEADER_BYTES + end, bytes: info.metadataBytes - end });
  metadataPlaces.set(info, places);
  return places;
}

/** A packet with something wrong, or merely unusual, in it. */
export interface Mutant {
  readonly bytes: Uint8Array;
  /** What was done to it, for people. */
  readonly how: string;
}

/** @param breaking - chance of a mutant that breaks or shifts the stream, which as a rule costs the connection */
export function mutate(packet: Uint8Array, name: string, samples: Samples, dice: Dice, breaking: number): Mutant {
  const info = samples.named(name);
  const bytes = packet.slice();
  if (dice.chance(breaking)) return breakFraming(bytes, dice);
  const how: string[] = [];
  let mutant: Uint8Array = bytes;
  for (let more = true; more; more = dice.chance(0.25)) {
    const step = changeWithinFraming(mutant, info, samples, dice);
    mutant = step.bytes;
    how.push(step.how);
  }
  return { bytes: mutant, how: how.join(', ') };
}

function breakFraming(bytes: Uint8Array, dice: Dice): Mutant {
  if (dice.chance(0.2)) {
    const length = dice.below(bytes.length);
    return { bytes: bytes.subarray(0, length), how: `cut to ${length} bytes` };
  }
  if (dice.chance(0.1)) {
    return { bytes: concat(bytes, noise(dice, 1 + dice.below(60))), how: 'noise behind it' };
  }
  return setPlace(bytes, dice.of(FRAMING_FIELDS), dice);
}

function changeWithinFraming(bytes: Uint8Array, info: MessageInfo, samples: Samples, dice: Dice): Mutant {
  const places = placesOf(info, samples);
  const view = viewOf(bytes);
  const metaLength = view.getUint32(AT.metaLen, true);
  const bodyLength = bytes.length - HEADER_BYTES - metaLength;
  const roll = dice.below(10);
  if (roll < 4 && places.length > 0 && metaLength === info.metadataBytes) return setPlace(bytes, dice.of(places), dice);
  if (roll < 6) return changeHeader(bytes, view, samples, dice);
  if (roll < 8 && bodyLength > 0) {
    const at = HEADER_BYTES + metaLength + dice.below(bodyLength);
    const width = Math.min(dice.of([1, 1, 2, 4]), bytes.length - at);
    return setPlace(bytes, { name: `body[${at - HEADER_BYTES - metaLength}]`, at, bytes: width }, dice);
  }
  if (roll === 8) {
    // The border between metadata and body moves; the packet stays as long as it is.
    const metaNow = dice.below(bytes.length - HEADER_BYTES + 1);
    view.setUint32(AT.metaLen, metaNow, true);
    view.setUint32(AT.bodyLen, bytes.length - HEADER_BYTES - metaNow, true);
    return { bytes, how: `meta_len ${metaNow} of ${bytes.length - HEADER_BYTES}` };
  }
  return resize(bytes, metaLength, dice);
}

function changeHeader(bytes: Uint8Array, view: DataView, samples: Samples, dice: Dice): Mutant {
  const roll = dice.below(HEADER_FIELDS.length + 2);
  if (roll === HEADER_FIELDS.length) {
    const flags = dice.below(FLAGS_MASK + 1);
    view.setUint32(AT.flags, flags, true);
    return { bytes, how: `flags = ${flags}` };
  }
  if (roll > HEADER_FIELDS.length) {
    // Any other one breaks the stream.
    const { code } = dice.of(samples.messages);
    view.setUint8(AT.messageType, code);
    return { bytes, how: `message_type = ${code}` };
  }
  return setPlace(bytes, HEADER_FIELDS[roll] as Place, dice);
}

/** A packet that is longer or shorter, and says so. */
function resize(bytes: Uint8Array, metaLength: number, dice: Dice): Mutant {
  const shorter = dice.chance(0.5);
  const length = shorter ? HEADER_BYTES + dice.below(bytes.length - HEADER_BYTES + 1) : bytes.length;
  const resized = shorter ? bytes.slice(0, length) : concat(bytes, noise(dice, 1 + dice.below(80)));
  const view = viewOf(resized);
  const metaNow = Math.min(metaLength, resized.length - HEADER_BYTES);
  view.setUint32(AT.metaLen, metaNow, true);
  view.setUint32(AT.bodyLen, resized.length - HEADER_BYTES - metaNow, true);
  return { bytes: resized, how: `${resized.length - bytes.length} bytes` };
}

function setPlace(bytes: Uint8Array, place: Place, dice: Dice): Mutant {
  const view = viewOf(bytes);
  const { at, bytes: width, name } = place;
  if (at + width > bytes.length) return { bytes, how: 'nothing' };
  if (dice.chance(0.35)) {
    const bit = dice.below(width * 8);
    bytes[at + (bit >> 3)] = (bytes[at + (bit >> 3)] as number) ^ (1 << (bit & 7));
    return { bytes, how: `${name}: bit ${bit}` };
  }
  const low = dice.chance(0.6) ? dice.of(EDGES) : Math.floor(dice.next() * 0x100000000);
  if (width === 1) view.setUint8(at, low & 0xff);
  else if (width === 2) view.setUint16(at, low & 0xffff, true);
  else if (width < 8)
    for (let offset = 0; offset < width; offset++) view.setUint8(at + offset, low >>> (8 * (offset & 3)));
  else {
    view.setUint32(at, low >>> 0, true);
    view.setUint32(at + 4, dice.chance(0.5) ? 0 : dice.of(EDGES), true);
  }
  return { bytes, how: `${name} = ${low}` };
}

function noise(dice: Dice, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => dice.below(256));
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
