import { decodePacket, isWireError, type Packet } from 'nnrp-core';
import { type CodecRevision, metadataOf, REVISIONS } from './codec-revision.js';
import type { JsonObject } from './json-object.js';
import { packetToJson } from './packet-json.js';
import { structToJson } from './struct-json.js';

/** Offsets in the common header. */
const MESSAGE_TYPE_AT = 6;
const META_LEN_AT = 12;
const HEADER_BYTES = 40;

/** What a packet decodes to, and the revision that it was taken for. */
export interface GuessedPacket {
  /** any: both revisions read the same. */
  readonly revision: 'preview3' | 'preview4' | 'any';
  readonly packet: JsonObject;
}

/**
 * Decodes a packet of either revision. Nothing in its header says which it is: it is of the one that accepts it. A submit, a
 * message of the cache and one that only preview4 has are accepted by one; a hello by both.
 *
 * @throws WireError when no revision accepts it, of the one that it looks more like
 */
export function decodeGuessed(bytes: Uint8Array, names: boolean): GuessedPacket {
  const third = attempt(REVISIONS.preview3, bytes);
  const fourth = attempt(REVISIONS.preview4, bytes);
  if (third.packet === undefined && fourth.packet === undefined) {
    throw looksLikePreview4(bytes, third.error) ? fourth.error : third.error;
  }
  const isBoth = third.packet !== undefined && fourth.packet !== undefined;
  const revision = isBoth && isReadAlike(third.packet) ? 'any' : third.packet === undefined ? 'preview4' : 'preview3';
  return { revision, packet: packetToJson(REVISIONS[revision === 'any' ? 'preview3' : revision], bytes, names) };
}

interface Attempt {
  readonly packet?: Packet;
  readonly error?: unknown;
}

function attempt({ wire }: CodecRevision, bytes: Uint8Array): Attempt {
  try {
    return { packet: decodePacket(bytes, wire) };
  } catch (error) {
    if (!isWireError(error)) throw error;
    return { error };
  }
}

/** Whether the metadata of a packet that both revisions accept says the same in both. */
function isReadAlike(packet: Packet): boolean {
  const [third, fourth] = [REVISIONS.preview3, REVISIONS.preview4].map((revision) => {
    const struct = metadataOf(revision, packet);
    return struct && JSON.stringify(structToJson(struct, packet.view, packet.metadataStart));
  });
  return third === fourth;
}

/** Whether only preview4 has the message, its length of metadata, or an operation id where preview3 has nothing. */
function looksLikePreview4(bytes: Uint8Array, error: unknown): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const code = bytes[MESSAGE_TYPE_AT] ?? 0;
  const [third, fourth] = [REVISIONS.preview3, REVISIONS.preview4].map(({ wire }) => wire.messageInfo(code));
  if (fourth === undefined || third === undefined) return fourth !== undefined;
  if (third.metadataBytes !== fourth.metadataBytes) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(META_LEN_AT, true);
    return length === fourth.metadataBytes;
  }
  const fault = isWireError(error) ? error.fault : undefined;
  return fault?.kind === 'nonzero_reserved_field' && fault.field === 'frame_submit.reserved2';
}
