import { buildPacket, type MessageInfo } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { STRUCTS } from 'nnrp-core/preview3/struct-table';
import * as preview4 from 'nnrp-core/preview4';
import { STRUCTS as STRUCTS_OF_PREVIEW4 } from 'nnrp-core/preview4/struct-table';

/* Packets of a peer that is made by hand: any message with any fields, also one that this side may not send. */

export type Fields = Readonly<Record<string, number | bigint>>;

/** What a packet says; what is left out is 0 or empty. */
export interface Content {
  readonly sessionId?: number;
  readonly frameId?: number;
  readonly fields?: Fields;
  readonly body?: Uint8Array;
}

const INFOS = new Map(preview3.MESSAGES.map((info) => [info.name, info]));
const NOTHING = new Uint8Array(0);

/** Every message by its name on the wire. */
export const MESSAGE_NAMES: readonly string[] = [...INFOS.keys()];

/** @throws WireError when the fields break a rule of the message's structure */
export function packet(name: string, content: Content): Buffer {
  return packetOf(INFOS, STRUCTS, buildPacket, name, content);
}

const INFOS_OF_PREVIEW4 = new Map(preview4.MESSAGES.map((info) => [info.name, info]));

/** A packet of preview4. @throws WireError as `packet` does */
export function packet4(name: string, content: Content): Buffer {
  return packetOf(INFOS_OF_PREVIEW4, STRUCTS_OF_PREVIEW4, preview4.buildPacket, name, content);
}

function packetOf(
  infos: ReadonlyMap<string, MessageInfo>,
  structs: typeof STRUCTS,
  build: typeof buildPacket,
  name: string,
  { sessionId = 0, frameId = 0, fields = {}, body = NOTHING }: Content,
): Buffer {
  const info = infos.get(name) as MessageInfo;
  const metadata = new Uint8Array(info.metadataBytes);
  const struct = info.metadata === undefined ? undefined : structs[info.metadata];
  if (struct !== undefined) {
    const blank = Object.fromEntries(struct.fields.map(({ property, type }) => [property, type === 'u64' ? 0n : 0]));
    struct.encode({ ...blank, ...fields }, new DataView(metadata.buffer));
  }
  const ids = { sessionId: info.sessionId === 'zero' ? 0 : sessionId, frameId: info.frameId === 'zero' ? 0 : frameId };
  const [head] = build({ messageType: info.code as preview3.MessageType, ...ids }, metadata, body);
  return Buffer.concat([head, body]);
}

const ANNOUNCEMENT = preview3.encodeControlExtensions([
  { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() },
]);

/**
 * SESSION_OPEN of a peer that has announced itself, without a deadline, for as many operations as the server allows.
 *
 * @param token - what lies before the announcement
 */
export function openPacket(fields: Fields = {}, token: Uint8Array = NOTHING): Buffer {
  return packet('SESSION_OPEN', {
    fields: {
      profileId: preview3.ProfileId.Token,
      priorityClass: preview3.SessionPriorityClass.Balanced,
      schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
      leaseTtlHintMs: 30_000,
      sessionExtensionBytes: ANNOUNCEMENT.length,
      ...fields,
    },
    body: Buffer.concat([token, ANNOUNCEMENT]),
  });
}

/** FRAME_SUBMIT. */
export function submitPacket(sessionId: number, frameId: number, body: Uint8Array): Buffer {
  const fields = { payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk, payloadFrameCount: 1 };
  return packet('FRAME_SUBMIT', { sessionId, frameId, fields, body });
}

/** FLOW_UPDATE of the whole connection. */
export function flowPacket(updateReason: preview3.UpdateReason): Buffer {
  const backpressureLevel = updateReason === preview3.UpdateReason.Pause ? preview3.BackpressureLevel.Hard : 0;
  return packet('FLOW_UPDATE', {
    fields: { scopeKind: preview3.ScopeKind.Connection, updateReason, backpressureLevel },
  });
}
