import { buildPacket, decodePacket, type MessageType, PacketSplitter, PREVIEW4 } from 'nnrp-core/preview4';
import { STRUCTS } from 'nnrp-core/preview4/struct-table';
import { expectBytes, expectRefused, expectSame, failed } from './case-failure.js';

/** Values of a structure, by the names of their properties. */
export type StructValue = Readonly<Record<string, number | bigint>>;

/** A message as a case writes it. */
export interface MessageDraft {
  readonly type: MessageType;
  readonly metadata: StructValue;
  readonly body?: Uint8Array | undefined;
  readonly sessionId?: number;
  readonly frameId?: number;
  readonly viewId?: number;
  readonly routeId?: number;
  readonly traceId?: bigint;
}

const text = new TextEncoder();

/** Bytes of a text. */
export function utf8(value: string): Uint8Array {
  return text.encode(value);
}

/** Bytes of a structure. @throws WireError */
export function encodeStruct(name: string, value: StructValue): Uint8Array {
  const struct = structNamed(name);
  const bytes = new Uint8Array(struct.bytes);
  struct.encode(value, new DataView(bytes.buffer));
  return bytes;
}

/** Values of a structure. @throws WireError */
export function decodeStruct(name: string, bytes: Uint8Array): StructValue {
  return structNamed(name).decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** Decodes, compares with the values, encodes and compares with the bytes. @throws CaseFailure */
export function structTrip(name: string, bytes: Uint8Array, expected: StructValue): void {
  const struct = structNamed(name);
  expectSame(`length of ${name}`, bytes.length, struct.bytes);
  expectSame(name, { ...decodeStruct(name, bytes) }, expected);
  expectBytes(`${name} written back`, encodeStruct(name, expected), bytes);
}

/** Bytes of a message. @throws WireError when it breaks a rule */
export function encodeMessage({ type, metadata, body, sessionId = 7, ...ids }: MessageDraft): Uint8Array {
  const [head, tail] = buildPacket(
    { messageType: type, sessionId, ...ids },
    encodeStruct(nameOf(type), metadata),
    body,
  );
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

/**
 * Writes a message, reads it back whole and from a stream of single bytes, and finds everything as it was. A body that is one byte
 * shorter than announced, and bits that the structure reserves, are refused.
 *
 * @throws CaseFailure
 */
export function messageTrip(draft: MessageDraft): void {
  const { type, metadata, body = new Uint8Array(0), sessionId = 7, frameId = 0 } = draft;
  const name = nameOf(type);
  const bytes = encodeMessage(draft);
  const packet = decodePacket(bytes);
  expectSame(`header of ${name}`, [packet.messageType, packet.sessionId, packet.frameId], [type, sessionId, frameId]);
  expectSame(name, { ...structNamed(name).decode(packet.view, packet.metadataStart) }, metadata);
  expectBytes(`body of ${name}`, packet.body, body);
  let whole: Uint8Array | undefined;
  const splitter = new PacketSplitter();
  for (const byte of bytes) {
    splitter.push(Uint8Array.of(byte));
    for (let split = splitter.next(); split !== undefined; split = splitter.next())
      whole = split.bytes.slice(split.start, split.start + split.byteLength);
  }
  expectBytes(`${name} from single bytes`, whole ?? new Uint8Array(0), bytes);
  if (body.length > 0 && PREVIEW4.messageInfo(type)?.bodyLengths !== undefined) {
    const shorter = bytes.slice(0, -1);
    new DataView(shorter.buffer).setUint32(16, body.length - 1, true);
    expectRefused(`${name} with a shorter body`, () => decodePacket(shorter), { kind: 'declared_length_mismatch' });
  }
}

/** The structure of a message's metadata. */
function nameOf(type: MessageType): string {
  const name = PREVIEW4.messageInfo(type)?.metadata;
  if (name === undefined) throw failed(`message ${type} is not known`);
  return name;
}

function structNamed(name: string) {
  const struct = STRUCTS[name as keyof typeof STRUCTS];
  if (struct === undefined) throw failed(`there is no structure ${name}`);
  return struct;
}
