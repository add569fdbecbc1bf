import fc from 'fast-check';
import { type HelloTerms, negotiateHello } from 'nnrp-core';
import {
  type ClientHello,
  type ControlExtension,
  checkClientHello,
  checkControlExtensions,
  checkHelloAck,
  checkServerHelloAck,
  controlExtensionBytes,
  decodeClientHello,
  decodeControlExtensions,
  decodeHelloExtension,
  encodeClientHello,
  encodeControlExtensions,
  encodeHelloExtension,
  encodeServerHelloAck,
  type HelloExtension,
  HelloExtensionType,
  PEER_MESSAGES_EXTENSION,
} from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { runs } from '../src/property-runs.js';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const some32 = fc.integer({ min: 1, max: 0xffffffff });

/** Every hello that HELLO-1 to HELLO-5 allow. */
const hello: fc.Arbitrary<ClientHello> = fc.record({
  minVersionMajor: fc.constantFrom(0, 1),
  maxVersionMajor: fc.integer({ min: 1, max: 0xff }),
  supportedWireFormatBitmap: u16.map((bits) => bits | 1),
  supportedProfileBitmap: some32,
  supportedPayloadKindBitmap: some32,
  supportedCodecBitmap: u32,
  supportedCompressionBitmap: u32,
  supportedDtypeBitmap: u32,
  supportedLayoutBitmap: u32,
  cacheDigestBitmap: u16,
  cacheObjectBitmap: u16,
  cacheNamespaceCount: u16,
  maxLaneCount: u16,
  maxCacheEntries: u32,
  maxCacheBytes: u32,
  targetCadenceX100: u16,
  latencyBudgetMs: u16,
  qualityTier: u16,
  degradePolicy: u16,
  requestedSessionId: u32,
  authBytes: u32,
  controlExtensionBytes: u32,
});
const terms: fc.Arbitrary<HelloTerms> = fc.record(
  {
    supportedProfiles: fc.array(u16, { maxLength: 3 }),
    supportedCacheObjects: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
    payloadKindBitmap: u32,
    codecBitmap: u32,
    compressionBitmap: u32,
    dtypeBitmap: u32,
    layoutBitmap: u32,
    cacheDigestBitmap: u32,
    maxCacheEntries: u32,
    maxCacheBytes: u32,
    maxLaneCount: u16,
    maxConcurrentFrames: u16,
    maxBodyBytes: u32,
    authStatus: u8,
    tokenTtlMs: u32,
    transportId: fc.constantFrom(0, 1, 2),
    peerMessages: u32,
  },
  { requiredKeys: ['supportedProfiles', 'supportedCacheObjects', 'maxConcurrentFrames', 'maxBodyBytes'] },
);
const standard: fc.Arbitrary<HelloExtension> = fc.oneof(
  fc.record({ kind: fc.constant('transport_policy' as const), policy: u8, preferredTransportId: u32 }),
  fc.record({
    kind: fc.constant('transport_policy_ack' as const),
    policy: u8,
    acceptedPolicy: u8,
    activeTransportId: u32,
  }),
  fc.record({ kind: fc.constant('loss_tolerance' as const), level: u8 }),
  fc.record({ kind: fc.constant('loss_tolerance_ack' as const), acceptedLevel: u8 }),
  fc.record({
    kind: fc.constant('payload_capabilities' as const),
    payloadKindBitmap: u32,
    criticalExtensionBitmap: u32,
  }),
  fc.record({
    kind: fc.constant('payload_capabilities_ack' as const),
    acceptedPayloadKindBitmap: u32,
    acceptedCriticalBitmap: u32,
  }),
);
const anything: fc.Arbitrary<ControlExtension> = fc.record({
  type: fc.oneof(u16, fc.constantFrom(...Object.values(HelloExtensionType), PEER_MESSAGES_EXTENSION)),
  critical: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 20 }),
});
const extensions = fc.array(
  fc.oneof(
    anything,
    fc.tuple(standard, fc.boolean()).map(([extension, critical]) => encodeHelloExtension(extension, critical)),
  ),
  { maxLength: 5 },
);

describe('negotiateHello', () => {
  it('answers every legal hello with an acknowledgement that its client accepts', () => {
    const helloView = new DataView(new ArrayBuffer(64));
    const ackView = new DataView(new ArrayBuffer(80));
    fc.assert(
      fc.property(hello, terms, (offer, own) => {
        encodeClientHello(offer, helloView);
        expect(checkClientHello(helloView)).toBe(-1);
        const received = decodeClientHello(helloView);
        const outcome = negotiateHello(received, [], own);
        if (!('ack' in outcome)) throw new Error(outcome.text);
        expect(checkHelloAck(received, outcome.ack)).toBeUndefined();
        encodeServerHelloAck(outcome.ack, ackView);
        expect(checkServerHelloAck(ackView)).toBe(-1);
        for (const profile of own.supportedProfiles) {
          const bit = profile >= 1 && profile <= 32 ? (2 ** (profile - 1)) >>> 0 : 0;
          expect((outcome.ack.acceptedProfileBitmap & bit) >>> 0).toBe((offer.supportedProfileBitmap & bit) >>> 0);
        }
      }),
      runs(1000),
    );
  });

  it('answers whatever extensions come with a block that can be sent, or with an error', () => {
    const codes = new Set<number>();
    fc.assert(
      fc.property(hello, extensions, terms, (offer, offered, own) => {
        const received = decodeControlExtensions(encodeControlExtensions(offered));
        expect(received).toEqual(offered);
        const outcome = negotiateHello(offer, received, own);
        if ('errorCode' in outcome) {
          codes.add(outcome.errorCode);
          return;
        }
        codes.add(0);
        expect(checkHelloAck(offer, outcome.ack)).toBeUndefined();
        const block = encodeControlExtensions(outcome.extensions);
        expect(outcome.ack.controlExtensionBytes).toBe(block.length);
        expect(checkControlExtensions(block)).toBeUndefined();
        // Its reader must not stumble over an answer that it does not know.
        expect(outcome.extensions.some(({ critical }) => critical)).toBe(false);
        for (const answer of outcome.extensions) decodeHelloExtension(answer);
      }),
      runs(2000),
    );
    expect([...codes].sort()).toEqual([0, 5, 6]);
  });
});

describe('standard hello extensions', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(standard, fc.boolean(), (extension, critical) => {
        const entry = encodeHelloExtension(extension, critical);
        expect(decodeHelloExtension(entry)).toEqual(extension);
        expect([entry.critical, entry.payload.length]).toEqual([critical, 8]);
      }),
      runs(500),
    );
  });
});

describe('control extension block', () => {
  it('is accepted only in the one form in which it is written', () => {
    let accepted = 0;
    const block = fc.array(anything, { maxLength: 6 }).map((list) => encodeControlExtensions(list));
    const damage = fc.array(fc.tuple(fc.nat(), u8), { maxLength: 2 });
    fc.assert(
      fc.property(block, damage, fc.nat({ max: 9 }), (whole, changes, cut) => {
        const bytes = whole.slice(0, whole.length - (cut > 7 ? cut - 7 : 0));
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        const fault = checkControlExtensions(bytes);
        if (fault !== undefined) {
          expect(() => decodeControlExtensions(bytes)).toThrow(`NNRP_ERR_${fault.kind.toUpperCase()}`);
          return;
        }
        accepted += 1;
        const decoded = decodeControlExtensions(bytes);
        expect(encodeControlExtensions(decoded)).toEqual(bytes);
        expect(controlExtensionBytes(decoded)).toBe(bytes.length);
      }),
      runs(2000),
    );
    expect(accepted).toBeGreaterThan(500);
    expect(accepted).toBeLessThan(1800);
  });
});
