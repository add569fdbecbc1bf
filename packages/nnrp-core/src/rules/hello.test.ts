import { describe, expect, it } from 'vitest';
import type { ClientHello } from '../generated/preview3/client-hello.js';
import type { ServerHelloAck } from '../generated/preview3/server-hello-ack.js';
import { checkHelloAck } from './hello.js';

const HELLO: ClientHello = {
  minVersionMajor: 1,
  maxVersionMajor: 2,
  supportedWireFormatBitmap: 0x8001,
  supportedProfileBitmap: 0x80000001,
  supportedPayloadKindBitmap: 0x80000003,
  supportedCodecBitmap: 0x80000001,
  supportedCompressionBitmap: 0x80000001,
  supportedDtypeBitmap: 0x80000001,
  supportedLayoutBitmap: 0x80000001,
  cacheDigestBitmap: 0x8001,
  cacheObjectBitmap: 0x8001,
  cacheNamespaceCount: 0,
  maxLaneCount: 0,
  maxCacheEntries: 0,
  maxCacheBytes: 0,
  targetCadenceX100: 0,
  latencyBudgetMs: 0,
  qualityTier: 0,
  degradePolicy: 0,
  requestedSessionId: 0,
  authBytes: 0,
  controlExtensionBytes: 0,
};

/** Accepts everything that the hello offers. */
const ACK: ServerHelloAck = {
  selectedVersionMajor: 1,
  selectedWireFormat: 0,
  authStatus: 0,
  sessionId: 0,
  acceptedProfileBitmap: HELLO.supportedProfileBitmap,
  acceptedPayloadKindBitmap: HELLO.supportedPayloadKindBitmap,
  acceptedCodecBitmap: HELLO.supportedCodecBitmap,
  acceptedCompressionBitmap: HELLO.supportedCompressionBitmap,
  acceptedDtypeBitmap: HELLO.supportedDtypeBitmap,
  acceptedLayoutBitmap: HELLO.supportedLayoutBitmap,
  cacheDigestBitmap: HELLO.cacheDigestBitmap,
  cacheObjectBitmap: HELLO.cacheObjectBitmap,
  maxCacheEntries: 0,
  maxCacheBytes: 0,
  maxLaneCount: 0,
  maxConcurrentFrames: 0,
  targetCadenceX100: 0,
  latencyBudgetMs: 0,
  qualityTier: 0,
  degradePolicy: 0,
  maxBodyBytes: 0,
  tokenTtlMs: 0,
  retryAfterMs: 0,
  controlExtensionBytes: 0,
  serverFlags: 0,
};

const check = (over: Partial<ServerHelloAck>) => checkHelloAck(HELLO, { ...ACK, ...over });
const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });

/** Fields with a bitmap, in rule order from HELLOACK-3. */
const BITMAPS = [
  'acceptedProfileBitmap',
  'acceptedPayloadKindBitmap',
  'acceptedCodecBitmap',
  'acceptedCompressionBitmap',
  'acceptedDtypeBitmap',
  'acceptedLayoutBitmap',
  'cacheDigestBitmap',
  'cacheObjectBitmap',
] as const;

describe('hello pair', () => {
  it('accepts all of the offer and none of it', () => {
    expect(check({})).toBeUndefined();
    expect(check(Object.fromEntries(BITMAPS.map((field) => [field, 0])))).toBeUndefined();
  });

  it('refuses a version outside the window (HELLOACK-1)', () => {
    expect(check({ selectedVersionMajor: 0 })).toEqual(rule('HELLOACK-1'));
    expect(check({ selectedVersionMajor: 3 })).toEqual(rule('HELLOACK-1'));
    expect(check({ selectedVersionMajor: 2 })).toBeUndefined();
  });

  it('refuses a wire format that was not offered (HELLOACK-2)', () => {
    // 16, 32 and 47 would hit an offered bit if the shift wrapped.
    for (const selectedWireFormat of [1, 14, 16, 32, 47, 64, 255]) {
      expect(check({ selectedWireFormat })).toEqual(rule('HELLOACK-2'));
    }
    expect(check({ selectedWireFormat: 15 })).toBeUndefined();
  });

  it.each(BITMAPS.map((field, index) => [field, `HELLOACK-${index + 3}`] as const))(
    'refuses a bit of %s that was not offered (%s)',
    (field, name) => {
      expect(check({ [field]: ACK[field] | 4 })).toEqual(rule(name));
      expect(check({ [field]: 0x40000000 })).toEqual(rule(name));
    },
  );

  it('refuses digest and object bits beyond the 16 of the offer', () => {
    expect(check({ cacheDigestBitmap: 0x80000000 })).toEqual(rule('HELLOACK-9'));
    expect(check({ cacheObjectBitmap: 0x10000 })).toEqual(rule('HELLOACK-10'));
  });

  it('reports the rules in their order', () => {
    const all = Object.fromEntries(BITMAPS.map((field) => [field, 4]));
    expect(check({ ...all, selectedVersionMajor: 3, selectedWireFormat: 1 })).toEqual(rule('HELLOACK-1'));
    expect(check({ ...all, selectedWireFormat: 1 })).toEqual(rule('HELLOACK-2'));
    BITMAPS.forEach((field, index) => {
      expect(check(all)).toEqual(rule(`HELLOACK-${index + 3}`));
      all[field] = 0;
    });
  });
});
