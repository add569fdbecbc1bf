import { describe, expect, it } from 'vitest';
import { type ControlExtension, encodeControlExtensions } from '../../body/control/control-extensions.js';
import { decodeHelloExtension, encodeHelloExtension, HelloExtensionType } from '../../body/control/hello-extensions.js';
import { encodePeerMessages, PEER_MESSAGES_EXTENSION, PeerMessages } from '../../body/control/peer-messages.js';
import type { ClientHello } from '../../generated/preview3/client-hello.js';
import {
  CacheObjectKind,
  ErrorCode,
  LossTolerancePolicy,
  TransportId,
  TransportPolicy,
} from '../../generated/preview3/enums.js';
import { checkHelloAck } from '../../rules/hello.js';
import { cacheObjectBitmap, type HelloTerms, negotiateHello, profileBitmap } from './hello.js';

const HELLO: ClientHello = {
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 3,
  supportedPayloadKindBitmap: 0xffffffff,
  supportedCodecBitmap: 0x80000001,
  supportedCompressionBitmap: 2,
  supportedDtypeBitmap: 3,
  supportedLayoutBitmap: 3,
  cacheDigestBitmap: 1,
  cacheObjectBitmap: 0xffff,
  cacheNamespaceCount: 1,
  maxLaneCount: 2,
  maxCacheEntries: 64,
  maxCacheBytes: 1000,
  targetCadenceX100: 6000,
  latencyBudgetMs: 100,
  qualityTier: 2,
  degradePolicy: 1,
  requestedSessionId: 9,
  authBytes: 0,
  controlExtensionBytes: 0,
};
const TERMS: HelloTerms = {
  supportedProfiles: [2],
  supportedCacheObjects: [],
  maxConcurrentFrames: 4,
  maxBodyBytes: 1 << 20,
};

function granted(hello: Partial<ClientHello>, terms: Partial<HelloTerms> = {}, extensions: ControlExtension[] = []) {
  const offer = { ...HELLO, ...hello };
  const outcome = negotiateHello(offer, extensions, { ...TERMS, ...terms });
  if (!('ack' in outcome)) throw new Error(outcome.text);
  expect(checkHelloAck(offer, outcome.ack)).toBeUndefined();
  expect(outcome.ack.controlExtensionBytes).toBe(encodeControlExtensions(outcome.extensions).length);
  return outcome;
}
const refused = (extensions: ControlExtension[], terms: Partial<HelloTerms> = {}) => {
  const outcome = negotiateHello(HELLO, extensions, { ...TERMS, ...terms });
  return 'ack' in outcome ? undefined : outcome;
};
const unknownType = (critical: boolean, type = 0x8001): ControlExtension => ({
  type,
  critical,
  payload: new Uint8Array(3),
});

describe('negotiateHello', () => {
  it('accepts what both sides have', () => {
    expect(granted({}).ack).toEqual({
      selectedVersionMajor: 1,
      selectedWireFormat: 0,
      authStatus: 0,
      sessionId: 0,
      acceptedProfileBitmap: 2,
      acceptedPayloadKindBitmap: 0x7f,
      acceptedCodecBitmap: 0x80000001,
      acceptedCompressionBitmap: 2,
      acceptedDtypeBitmap: 3,
      acceptedLayoutBitmap: 3,
      cacheDigestBitmap: 1,
      cacheObjectBitmap: 0,
      maxCacheEntries: 64,
      maxCacheBytes: 1000,
      maxLaneCount: 2,
      maxConcurrentFrames: 4,
      targetCadenceX100: 6000,
      latencyBudgetMs: 100,
      qualityTier: 2,
      degradePolicy: 1,
      maxBodyBytes: 1 << 20,
      tokenTtlMs: 0,
      retryAfterMs: 0,
      controlExtensionBytes: 0,
      serverFlags: 0,
    });
  });

  it('takes the smaller limit, and the bits that the server names', () => {
    const terms: Partial<HelloTerms> = {
      payloadKindBitmap: 6,
      codecBitmap: 1,
      compressionBitmap: 1,
      dtypeBitmap: 2,
      layoutBitmap: 4,
      cacheDigestBitmap: 3,
      maxCacheEntries: 10,
      maxCacheBytes: 9999,
      maxLaneCount: 0,
      authStatus: 5,
      tokenTtlMs: 60_000,
    };
    expect(granted({}, terms).ack).toMatchObject({
      acceptedPayloadKindBitmap: 6,
      acceptedCodecBitmap: 1,
      acceptedCompressionBitmap: 0,
      acceptedDtypeBitmap: 2,
      acceptedLayoutBitmap: 0,
      cacheDigestBitmap: 1,
      maxCacheEntries: 10,
      maxCacheBytes: 1000,
      maxLaneCount: 0,
      authStatus: 5,
      tokenTtlMs: 60_000,
    });
  });

  it('counts the bits of profiles and kinds of cache objects from 1', () => {
    expect([profileBitmap([1]), profileBitmap([2]), profileBitmap([0, 32, 33])]).toEqual([1, 2, 0x80000000]);
    expect([cacheObjectBitmap([1, 9]), cacheObjectBitmap([0, 16, 17])]).toEqual([0x101, 0x8000]);
    const terms = { supportedCacheObjects: [CacheObjectKind.PromptSegment, CacheObjectKind.CodecTable] };
    expect(granted({}, terms).ack).toMatchObject({ cacheObjectBitmap: 0x48, serverFlags: 1 });
    expect(granted({ cacheObjectBitmap: 1 }, terms).ack).toMatchObject({ cacheObjectBitmap: 0, serverFlags: 0 });
  });

  it('acknowledges a hello that has no profile in common: the session open will fail', () => {
    expect(granted({ supportedProfileBitmap: 1 }).ack.acceptedProfileBitmap).toBe(0);
  });

  it('refuses other versions and wire formats', () => {
    for (const hello of [
      { minVersionMajor: 2, maxVersionMajor: 3 },
      { minVersionMajor: 0, maxVersionMajor: 0 },
      { supportedWireFormatBitmap: 2 },
    ]) {
      expect(negotiateHello({ ...HELLO, ...hello }, [], TERMS)).toMatchObject({
        errorCode: ErrorCode.UnsupportedVersion,
      });
    }
    expect(granted({ minVersionMajor: 0, maxVersionMajor: 255 }).ack.selectedVersionMajor).toBe(1);
  });
});

describe('extensions of a hello', () => {
  const policy = (value: number, critical = false) =>
    encodeHelloExtension({ kind: 'transport_policy', policy: value, preferredTransportId: 1 }, critical);
  const answers = (extensions: ControlExtension[], terms: Partial<HelloTerms> = {}) =>
    granted({}, terms, extensions).extensions.map((extension) => decodeHelloExtension(extension) ?? extension);

  it('answers a transport policy with the transport there is', () => {
    const { ForceQuic, ForceTcp, PreferQuic, Auto } = TransportPolicy;
    for (const [wish, transportId, acceptedPolicy] of [
      [ForceQuic, TransportId.Quic, ForceQuic],
      [ForceQuic, TransportId.Tcp, Auto],
      [ForceTcp, TransportId.Tcp, ForceTcp],
      [ForceTcp, undefined, Auto],
      [PreferQuic, TransportId.Tcp, PreferQuic],
      [77, TransportId.Tcp, Auto],
    ] as const) {
      const activeTransportId = transportId ?? 0;
      const terms = transportId === undefined ? {} : { transportId };
      expect(answers([policy(wish, true)], terms)).toEqual([
        { kind: 'transport_policy_ack', policy: wish, acceptedPolicy, activeTransportId },
      ]);
    }
  });

  it('answers loss tolerance and payload capabilities, in the order of the offer', () => {
    const loss = (level: number) => encodeHelloExtension({ kind: 'loss_tolerance', level });
    const payloads = encodeHelloExtension({
      kind: 'payload_capabilities',
      payloadKindBitmap: 0xffffffff,
      criticalExtensionBitmap: 7,
    });
    expect(answers([payloads, loss(0)], { payloadKindBitmap: 5 })).toEqual([
      { kind: 'payload_capabilities_ack', acceptedPayloadKindBitmap: 5, acceptedCriticalBitmap: 0 },
      { kind: 'loss_tolerance_ack', acceptedLevel: LossTolerancePolicy.Strict },
    ]);
    expect(answers([loss(3)])).toMatchObject([{ acceptedLevel: 3 }]);
    expect(answers([loss(LossTolerancePolicy.InheritSession)])).toMatchObject([{ acceptedLevel: 1 }]);
  });

  it('announces its messages to a client that announces its own', () => {
    const wish: ControlExtension = { type: PEER_MESSAGES_EXTENSION, critical: true, payload: encodePeerMessages() };
    expect(answers([wish])).toEqual([]);
    expect(answers([wish], { peerMessages: PeerMessages.Cache })).toEqual([
      { type: PEER_MESSAGES_EXTENSION, critical: false, payload: Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0) },
    ]);
    expect(answers([], { peerMessages: 4 })).toEqual([]);
    const alien = { ...wish, payload: new Uint8Array(4) };
    expect(refused([alien])?.errorCode).toBe(ErrorCode.UnsupportedCapability);
    expect(answers([{ ...alien, critical: false }], { peerMessages: 4 })).toEqual([]);
  });

  it('skips what it does not know, unless it is critical', () => {
    expect(answers([unknownType(false), unknownType(false)])).toEqual([]);
    expect(refused([policy(0), unknownType(true)])).toEqual({
      errorCode: ErrorCode.UnsupportedCapability,
      text: 'critical extension 0x8001 is not known',
    });
    expect(refused([unknownType(true)], { knownExtensions: [0x8001] })).toBeUndefined();
    const answer = { ...policy(0, true), type: HelloExtensionType.TransportPolicyAck };
    expect(refused([answer])?.errorCode).toBe(ErrorCode.UnsupportedCapability);
  });

  it('refuses a known extension that is malformed or comes twice', () => {
    const short = { ...policy(0), payload: new Uint8Array(7) };
    expect(refused([short])).toEqual({
      errorCode: ErrorCode.MalformedBody,
      text: 'extension 0x0101: rule HELLOEXT-1 is broken, see nnrp-core/docs/rules.md#helloext-1',
    });
    expect(refused([policy(0), policy(1)])).toEqual({
      errorCode: ErrorCode.MalformedBody,
      text: 'extension 0x0101 comes twice',
    });
  });
});
