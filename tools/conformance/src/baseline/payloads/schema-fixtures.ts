import type { SchemaChange, SchemaRefusal } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { Checks } from '../checks.js';
import type { Stage } from '../stage.js';
import { decoded, putBytes, submitBytes, WIRE } from '../wire-messages.js';
import type { WirePeer } from '../wire-peer.js';
import { tokenPayload, typedBody } from './region-bodies.js';

const { CacheAckStatus, CacheObjectKind, MessageType, ProfileId } = preview3;
const { SessionFlags, StreamSemantics } = preview3;

/** A strict server whose sessions may bring their own schemas. */
export const CONFIG = {
  schemaOverride: true,
  supportedCacheObjects: [CacheObjectKind.StructuredEventSchema],
  strict: true,
};
/** A session that wants to. */
export const OWN_SCHEMAS = { sessionFlags: SessionFlags.AllowSchemaOverride };
/** A schema of the token profile. */
export const HEADER: preview3.SchemaDescriptorHeader = {
  schemaId: 0x2001,
  schemaVersion: 1,
  profileId: ProfileId.Token,
  schemaFlags: 0,
  minVersionMajor: 1,
  maxVersionMajor: 1,
  bodyBytes: 4,
  dependencyCount: 0,
  defaultStreamSemantics: StreamSemantics.Event,
  schemaHash: 0x1122334455667788n,
};

/** The bytes of a schema: its header and as many body bytes as it announces, unless told otherwise. */
export function schemaBytes(header: Partial<preview3.SchemaDescriptorHeader> = {}, bodyBytes?: number): Uint8Array {
  const complete = { ...HEADER, ...header };
  const bytes = new Uint8Array(32 + (bodyBytes ?? complete.bodyBytes)).fill(0x7b);
  preview3.encodeSchemaDescriptorHeader(complete, new DataView(bytes.buffer));
  return bytes;
}

/** A session that may bring its own schemas, on a strict live server. */
export async function schemaSession(stage: Stage) {
  return stage.openAnnounced(await stage.serve(CONFIG), OWN_SCHEMAS);
}

/** Puts a schema on the wire. @returns the status and detail_code of the answer */
export async function install(
  peer: WirePeer,
  bytes: Uint8Array,
  sessionId = 1,
): Promise<[status: number, code: number]> {
  const objectKind = CacheObjectKind.StructuredEventSchema;
  peer.send(putBytes(sessionId, bytes, { objectKind, cacheKeyLo: ++keys }));
  const ack = decoded(WIRE.cacheAck, await peer.expect(MessageType.CacheAck, sessionId));
  return [ack.status, ack.detailCode];
}

let keys = 0;
/** Status and detail_code of a put that is taken. */
export const TAKEN: [number, number] = [CacheAckStatus.Accepted, 0];
/** Status and detail_code of a put that is refused. */
export const refused = (code: number): [number, number] => [CacheAckStatus.Rejected, code];

/** Submits a payload of a schema: reaches the application, or is refused with the code. */
export async function checkBinding(
  check: Checks,
  peer: WirePeer,
  frameId: number,
  descriptor: Partial<preview3.TypedPayloadDescriptor>,
  code: number,
): Promise<void> {
  const { body, counts } = typedBody(tokenPayload('x', descriptor));
  peer.send(submitBytes(1, frameId, body, counts));
  const answers = await peer.settled();
  const [error] = answers;
  const what = `a payload of ${JSON.stringify(descriptor)}`;
  if (code === 0) check.equal(answers.length, 0, `${what}, answers`);
  else {
    check.ok(error !== undefined && error.messageType === MessageType.Error, `${what} is refused`);
    check.equal<number>(decoded(WIRE.error, error).errorCode, code, what);
    check.equal<unknown>(
      answers.map((packet) => packet.messageType),
      [MessageType.Error, MessageType.ResultDrop],
      what,
    );
  }
}

/** The outcome of a registry: its name, or the code of a refusal. */
export function outcomeOf(outcome: SchemaChange | SchemaRefusal): string | number {
  return outcome.outcome === 'refused' ? outcome.errorCode : outcome.outcome;
}
