import { decodePacket, isWireError } from 'nnrp-core';
import { decodePayloads as preview3Payloads } from 'nnrp-core/preview3';
import { decodePayloads as preview4Payloads } from 'nnrp-core/preview4';
import { type CodecRevision, metadataOf } from './codec-revision.js';
import { formatHex } from './hex.js';
import type { JsonObject } from './json-object.js';

const PAYLOADS = { preview3: preview3Payloads, preview4: preview4Payloads } as const;

/**
 * The typed payloads in the body of a packet: text, JSON or hex, whichever it is. Undefined for packets whose bodies have
 * none; a body that breaks its rules gives what is wrong with it.
 *
 * @param bytes - a packet that decodePacket takes
 */
export function payloadsToJson(
  revision: CodecRevision,
  bytes: Uint8Array,
): readonly JsonObject[] | JsonObject | undefined {
  const packet = decodePacket(bytes, revision.wire);
  const struct = metadataOf(revision, packet);
  const decodePayloads = PAYLOADS[revision.name];
  if (struct?.fields.every((field) => field.name !== 'payload_kind_bitmap') ?? true) return undefined;
  const metadata = struct?.decode(packet.view, packet.metadataStart) as unknown as Parameters<
    typeof preview3Payloads
  >[1];
  if (packet.body.length === 0 || metadata.payloadKindBitmap === 0) return undefined;
  try {
    return decodePayloads(packet.body, metadata).map(({ kind = 'unknown', bytes: data, isPartial, isTerminal }) => {
      return { kind, partial: isPartial, terminal: isTerminal, ...content(kind, data) };
    });
  } catch (error) {
    if (isWireError(error)) return { error: { ...error.fault } };
    throw error;
  }
}

function content(kind: string, data: Uint8Array): JsonObject {
  if (kind === 'audio_chunk' || kind === 'video_chunk') return { hex: formatHex(data) };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return { hex: formatHex(data) };
  }
  if (kind === 'token_chunk') return { text };
  try {
    const json = JSON.parse(text) as unknown;
    // Nested deeper than this it could not be written again.
    return typeof json === 'object' && !/[[{]{200}/.test(text.replace(/[^[{]/g, '')) ? { json } : { text };
  } catch {
    return { text };
  }
}
