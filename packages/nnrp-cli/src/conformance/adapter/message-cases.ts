import {
  checkFlowUpdateScope,
  decodeBody,
  decodePacket,
  decodeTypedPayloads,
  encodeBody,
  encodeTypedPayloads,
  MessageType,
  type ObjectReferenceBlock,
  PayloadKind,
  resolveObjectReferences,
} from 'nnrp-core/preview4';
import type { AdapterCases } from './adapter-case.js';
import { plain } from './adapter-case.js';
import { expectBytes, expectFailing, expectRefused, expectSame } from './case-failure.js';
import * as golden from './golden-values.js';
import { encodeLegacyDescriptor, legacyRegions } from './legacy-descriptors.js';
import { decodeStruct, encodeMessage, encodeStruct, messageTrip, structTrip, utf8 } from './message-trip.js';

/** A key of 128 bits whose halves and bytes all differ. */
const KEY = { cacheKeyHi: 0x1122334455667788n, cacheKeyLo: 0x99aabbccddeeff00n };

const NO_TENSORS = {
  srcWidth: 0,
  srcHeight: 0,
  tileWidth: 0,
  tileHeight: 0,
  tileCount: 0,
  sectionCount: 0,
  frameClass: 0,
  inputProfile: 0,
  tileIndexMode: 1,
  latencyBudgetMs: 0,
  targetFpsX100: 0,
  retryOfFrame: 0,
  tileBaseId: 0,
  cameraBytes: 0,
  tileIndexBytes: 0,
  budgetPolicy: 0,
  lossTolerancePolicy: 255,
  dependencyFrameId: 0,
};

/** Of the reason in RESULT_HINT. */
const REASON_OFFSET = 8;

const REFERENCES: readonly ObjectReferenceBlock[] = [
  { objectKind: 1, cacheNamespace: 1, ...KEY },
  { objectKind: 2, cacheNamespace: 7, ...KEY },
];

const TOKEN_DESCRIPTOR = {
  profileId: 2,
  payloadKind: PayloadKind.TokenChunk,
  descriptorFlags: 2,
  schemaId: 0x1001,
  schemaVersion: 3,
  streamSemantics: 2,
} as const;

export const MESSAGE_CASES: AdapterCases = {
  'l1.flow_update.metadata.validation': plain(() => {
    structTrip('FLOW_UPDATE', encodeStruct('FLOW_UPDATE', golden.FLOW_UPDATE), golden.FLOW_UPDATE);
    const view = (changes: object) => {
      const bytes = encodeStruct('FLOW_UPDATE', { ...golden.FLOW_UPDATE, ...changes });
      return new DataView(bytes.buffer);
    };
    expectSame('rule of a valid update', checkFlowUpdateScope(21, view({}), 0), undefined);
    expectSame(
      'rule of a retry without its flag',
      checkFlowUpdateScope(21, view({ retryAfterMs: 1, flowFlags: 1 }), 0),
      'FLOW-5',
    );
    expectSame('rule of a session without an id', checkFlowUpdateScope(0, view({}), 0), 'FLOW-3');
    const connection = view({ scopeKind: 0, sessionCredit: 0, connectionCredit: 1 });
    expectSame('rule of a connection with an id', checkFlowUpdateScope(21, connection, 0), 'FLOW-2');
  }),

  'l1.result_hint.metadata.validation': plain(() => {
    messageTrip({ type: MessageType.ResultHint, metadata: golden.RESULT_HINT, sessionId: 21, frameId: 303 });
    const bytes = encodeStruct('RESULT_HINT', golden.RESULT_HINT);
    bytes[REASON_OFFSET] = 99;
    expectRefused('the reason 99 received', () => decodeStruct('RESULT_HINT', bytes), {
      kind: 'unknown_enum_value',
      value: 99,
    });
    expectRefused('the reason 99', () => encodeStruct('RESULT_HINT', { ...golden.RESULT_HINT, reason: 99 }), {
      kind: 'unknown_enum_value',
    });
  }),

  'l1.cache.lifecycle.roundtrip': plain(() => {
    const object = utf8('camera');
    messageTrip({
      type: MessageType.CachePut,
      metadata: {
        cacheNamespace: 1,
        objectKind: 1,
        ...KEY,
        ttlMs: 15_000,
        objectBytes: object.length,
        codecBitmap: 3,
        flags: 0,
      },
      body: object,
    });
    messageTrip({
      type: MessageType.CacheAck,
      metadata: { cacheNamespace: 1, status: 0, ...KEY, acceptedTtlMs: 15_000, maxObjectBytes: 65_536, detailCode: 0 },
    });
    messageTrip({
      type: MessageType.CacheInvalidate,
      metadata: { invalidateScope: 3, cacheNamespace: 1, ...KEY, reasonCode: 2 },
    });
  }),

  'l1.transport_probe.metadata.roundtrip': plain(() => {
    messageTrip({
      type: MessageType.TransportProbe,
      metadata: { probeId: 77, probePayloadBytes: 32, clientSendTsUs: 1_234_567n },
      body: new Uint8Array(32).fill(0xa5),
      sessionId: 0,
    });
    messageTrip({
      type: MessageType.TransportProbeAck,
      metadata: { probeId: 77, serverRecvTsUs: 1_234_999n },
      sessionId: 0,
    });
  }),

  'l1.frame_submit.message.parse_emit': plain(() => {
    const metadata = {
      ...NO_TENSORS,
      operationId: 101n,
      submitMode: 2,
      objectRefMask: 3,
      payloadKindBitmap: 2,
      payloadFrameCount: 1,
    };
    const counts = { payloadKindBitmap: 2, payloadFrameCount: 1, submitMode: 2, objectRefMask: 3 } as const;
    const body = encodeBody(
      {
        objectReferences: REFERENCES,
        typedPayloads: [{ descriptor: TOKEN_DESCRIPTOR, payload: utf8('tok') }],
      },
      { payloadKindBitmap: 2, payloadFrameCount: 1 },
    );
    messageTrip({ type: MessageType.FrameSubmit, metadata, body, frameId: 9 });
    const read = decodePacket(encodeMessage({ type: MessageType.FrameSubmit, metadata, body, frameId: 9 }));
    const regions = decodeBody(read.body, counts);
    expectSame(
      'references',
      regions.objectReferences.map((block) => ({ ...block })),
      REFERENCES,
    );
    expectSame('frames', regions.typedPayloads.length, 1);
    expectBytes('tokens', regions.typedPayloads[0]?.payload ?? new Uint8Array(0), utf8('tok'));
    expectRefused('a mask that its blocks contradict', () => decodeBody(read.body, { ...counts, objectRefMask: 1 }), {
      kind: 'invalid_combination',
    });
    expectRefused('operation 0', () => encodeStruct('FRAME_SUBMIT', { ...metadata, operationId: 0n }), {
      kind: 'invalid_combination',
      rule: 'FSUB-2',
    });
  }),

  'l1.result_push.message.parse_emit': plain(() => {
    const counts = { payloadKindBitmap: 3, payloadFrameCount: 3 };
    const frames = ['a', 'bb', 'ccc'].map((text) => ({ descriptor: TOKEN_DESCRIPTOR, payload: utf8(text) }));
    const body = encodeBody({ objectReferences: REFERENCES.slice(0, 1), typedPayloads: frames }, counts);
    const metadata = { ...golden.RESULT_PUSH, tileIndexBytes: 0 };
    messageTrip({ type: MessageType.ResultPush, metadata, body, frameId: 9 });
    const read = decodePacket(encodeMessage({ type: MessageType.ResultPush, metadata, body, frameId: 9 }));
    const { payloadFrameCount, payloadKindBitmap } = decodeStruct('RESULT_PUSH', read.metadata);
    expectSame('counts', [payloadFrameCount, Number(payloadKindBitmap) & PayloadKind.Tensor], [3, PayloadKind.Tensor]);
    const regions = decodeBody(read.body, counts);
    expectSame(
      'frames',
      regions.typedPayloads.map(({ payload }) => new TextDecoder().decode(payload)),
      ['a', 'bb', 'ccc'],
    );
    const found = resolveObjectReferences(regions.objectReferences, () => 'camera', {
      sessionId: 7,
      frameId: 9,
      viewId: 0,
    });
    expectSame('its reference', found, { outcome: 'resolved', objects: ['camera'] });
  }),

  'l1.result_push.object_reference.resolve': plain(() => {
    const known = (block: ObjectReferenceBlock) => (block.cacheNamespace === 1 ? 'camera' : undefined);
    const related = { sessionId: 7, frameId: 9, viewId: 0 };
    expectSame('a known namespace', resolveObjectReferences(REFERENCES.slice(0, 1), known, related), {
      outcome: 'resolved',
      objects: ['camera'],
    });
    const unknown = resolveObjectReferences(REFERENCES, known, related);
    expectSame('an unknown namespace', unknown.outcome, 'unresolved');
    if (unknown.outcome === 'unresolved') expectSame('error code of the miss', unknown.error.errorCode, 0x0003_0001);
  }),

  'l1.typed_payload.region.pack': plain(() => {
    const [tokens, event] = [utf8('tok'), utf8('event')];
    const payload = utf8('tokevent');
    const descriptors = new Uint8Array(32);
    descriptors.set(encodeLegacyDescriptor({ payloadKind: 0x02, profileId: 2, offset: 0, length: tokens.length }));
    descriptors.set(
      encodeLegacyDescriptor({ payloadKind: 0x10, profileId: 3, offset: tokens.length, length: event.length }),
      16,
    );
    const frames = legacyRegions(descriptors, payload, 0x12);
    expectSame(
      'legacy frames',
      frames.map((frame) => new TextDecoder().decode(frame.payload)),
      ['tok', 'event'],
    );
    const shifted = descriptors.slice();
    new DataView(shifted.buffer).setUint32(20, tokens.length + 1, true);
    expectFailing('shifted offsets', () => legacyRegions(shifted, payload, 0x12));
    // The same payloads as the wire of today packs them.
    const counts = { payloadKindBitmap: 0x12, payloadFrameCount: 2 };
    const eventDescriptor = {
      ...TOKEN_DESCRIPTOR,
      profileId: 0,
      payloadKind: PayloadKind.StructuredEvent,
      schemaId: 0,
      schemaVersion: 0,
    };
    const region = encodeTypedPayloads(
      [
        { descriptor: TOKEN_DESCRIPTOR, payload: tokens },
        { descriptor: eventDescriptor, payload: event },
      ],
      counts,
    );
    expectBytes('payloads', region.subarray(48), payload);
    const places = decodeTypedPayloads(region, { ...counts, descriptorBytes: 48 }).map(({ descriptor }) => [
      descriptor.offset,
      descriptor.length,
    ]);
    expectSame('places', places, [
      [0, 3],
      [3, 5],
    ]);
  }),
};
