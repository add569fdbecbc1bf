import * as preview4 from 'nnrp-core/preview4';
import { STRUCTS } from 'nnrp-core/preview4/struct-table';
import type { Dice } from './dice.js';
import { type Contents, type Fields, NOTHING, Samples, type Subject } from './samples.js';
import { CONTENTS } from './samples-preview3.js';
import { workBody } from './work.js';

const { MESSAGES } = preview4;

/** The trace id by which peers of this library announce themselves: ASCII NNRTts, and the families that they understand. */
const ANNOUNCED = 0x4e4e_5254_7473_0000n;

/** Profiles token and tensor, and the kinds of payload that go with them. */
const HELLO_FIELDS: Fields = {
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 3,
  supportedPayloadKindBitmap: 0x73,
  maxLaneCount: 1,
  latencyBudgetMs: 500,
};

const OPEN_FIELDS: Fields = {
  profileId: preview4.ProfileId.Token,
  schemaId: preview4.TOKEN_DELTA_SCHEMA_ID,
  schemaVersion: preview4.TOKEN_DELTA_SCHEMA_VERSION,
  maxInFlightOperations: 4,
};

function announced(dice: Dice): { readonly traceId?: bigint } {
  return dice.chance(0.6) ? { traceId: ANNOUNCED | BigInt(preview4.PEER_MESSAGES_MASK) } : {};
}

function text(dice: Dice): Uint8Array {
  return new TextEncoder().encode('it failed ä\u{1f600}').subarray(0, dice.below(17));
}

/** Fields that say how long a body is. */
const LENGTHS = /^(diagnostic|body|metadata|object|delta|region|profilePatch|profilePatchAck)Bytes$/;

/**
 * Any message, with small numbers by chance, so that they meet what others have said, and times that are soon: each is kept
 * where the message stays valid.
 */
function byChance(name: string, structName: string | undefined): Contents[string] {
  const struct = structName === undefined ? undefined : STRUCTS[structName];
  if (struct === undefined) return () => ({});
  const lengths = struct.fields.flatMap(({ property }) => (LENGTHS.test(property) ? [property] : []));
  return (dice, subject, wanted) => {
    const body = dice.chance(0.5) ? NOTHING : text(dice);
    const blank = struct.fields.map(({ property, type }) => [property, type === 'u64' ? 0n : 0] as const);
    let fields: Fields = { ...Object.fromEntries(blank), ...wanted };
    let carrier: string | undefined;
    // Twice: some fields are only valid beside others.
    for (const { property, type } of [...struct.fields, ...struct.fields]) {
      if (property in wanted || lengths.includes(property)) continue;
      const value = type === 'u64' ? wide(property, subject.frameId, dice) : dice.below(type === 'u8' ? 4 : 6);
      const next = { ...fields, [property]: value };
      if (isValid(name, subject, dice, next, NOTHING) || !isValid(name, subject, dice, fields, NOTHING)) fields = next;
    }
    for (const property of lengths) {
      const next = { ...fields, [property]: body.length };
      if (isValid(name, subject, dice, next, body)) {
        fields = next;
        carrier = property;
        break;
      }
    }
    return carrier === undefined ? { fields } : { fields, body };
  };
}

function isValid(name: string, subject: Subject, dice: Dice, fields: Fields, body: Uint8Array): boolean {
  try {
    preview4.decodePacket(BLANK.of(name, subject, dice, fields, body));
    return true;
  } catch {
    return false;
  }
}

function wide(property: string, frameId: number, dice: Dice): bigint {
  if (property === 'operationId' || property.endsWith('OperationId')) return BigInt(frameId);
  if (property === 'deadlineUnixMs') return BigInt(Date.now() + dice.below(40));
  return BigInt(dice.below(6));
}

/** Packets with nothing in them but what is asked for. */
const BLANK = new Samples('preview4', MESSAGES, STRUCTS, {}, preview4.buildPacket);

const { FLOW_UPDATE, SESSION_MIGRATE } = CONTENTS;

const OWN: Contents = {
  ...(FLOW_UPDATE && { FLOW_UPDATE }),
  ...(SESSION_MIGRATE && { SESSION_MIGRATE }),
  CLIENT_HELLO: (dice) => {
    const auth = dice.chance(0.2) ? workBody(1, dice) : NOTHING;
    return { fields: { ...HELLO_FIELDS, authBytes: auth.length }, body: auth, ...announced(dice) };
  },
  SERVER_HELLO_ACK: (dice) => ({
    fields: {
      selectedVersionMajor: 1,
      acceptedProfileBitmap: preview4.ProfileId.Token,
      acceptedPayloadKindBitmap: 2,
      maxLaneCount: 1,
      maxConcurrentFrames: 4,
      maxBodyBytes: 1 << 20,
      tokenTtlMs: 1000,
    },
    ...announced(dice),
  }),
  SESSION_OPEN: (dice) => {
    const auth = dice.chance(0.2) ? workBody(1, dice) : NOTHING;
    const fields = {
      ...OPEN_FIELDS,
      priorityClass: dice.below(3),
      defaultDeadlineMs: dice.chance(0.3) ? 1 + dice.below(20) : 0,
      leaseTtlHintMs: dice.below(1000),
      authBytes: auth.length,
    };
    return { fields, body: auth };
  },
  SESSION_OPEN_ACK: (dice, { sessionId }) => ({
    fields: {
      sessionId,
      acceptedProfileId: preview4.ProfileId.Token,
      acceptedPriorityClass: dice.chance(0.8) ? 1 : dice.below(3),
      sessionStatus: preview4.SessionStatus.Opened,
      schemaId: preview4.TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: preview4.TOKEN_DELTA_SCHEMA_VERSION,
      grantedOperationCredit: 4,
      maxInFlightOperations: 4,
      leaseTtlMs: 1000,
    },
  }),
  FRAME_SUBMIT: (dice, { frameId }) => ({
    fields: {
      operationId: BigInt(frameId),
      inputProfile: 0,
      latencyBudgetMs: dice.chance(0.2) ? 1 + dice.below(10) : 0,
      payloadKindBitmap: preview4.PayloadKindFlags.TokenChunk,
      payloadFrameCount: 0,
    },
    body: workBody(dice.below(8), dice),
  }),
  RESULT_PUSH: (dice) => ({
    fields: { statusCode: 200, activeProfileId: preview4.ProfileId.Token },
    body: workBody(0, dice),
  }),
  CACHE_PUT: (dice) => {
    const body = workBody(0, dice);
    const fields = {
      cacheKeyLo: BigInt(dice.below(4)),
      objectKind: dice.of(Object.values(preview4.CacheObjectKind)),
      ttlMs: dice.below(50),
      objectBytes: body.length,
    };
    return { fields, body };
  },
  TRANSPORT_PROBE: (dice) => {
    const body = new Uint8Array(dice.below(64));
    return { fields: { probeId: dice.below(3), probePayloadBytes: body.length }, body };
  },
};

/** Packets of preview4. */
export const PREVIEW4 = new Samples(
  'preview4',
  MESSAGES,
  STRUCTS,
  {
    ...Object.fromEntries(MESSAGES.map(({ name, metadata }) => [name, byChance(name, metadata)])),
    ...OWN,
  },
  preview4.buildPacket,
);
