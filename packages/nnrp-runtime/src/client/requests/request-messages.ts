import { UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { PatchFlags, TransportId } from 'nnrp-core/preview3';
import { described } from '../../base/application/described.js';
import { bitsOf, oneOf, optionTable, U16, U32, U64, U128 } from '../../base/option-kinds.js';
import { checkNeeded, checkOptions } from '../../base/options.js';
import type { BodyBytes } from '../../connection/body/body-reading.js';
import type { TransportKind } from '../../transport/contract/contract.js';

/** Settings of a session to change; what is left out stays as it is. */
export interface PatchFields {
  /** The profile concerned; default 0, the active one. */
  readonly profileId?: number | undefined;
  /** Wanted cadence in hundredths of a frame per second. */
  readonly targetCadenceX100?: number | undefined;
  readonly qualityTier?: number | undefined;
  readonly degradePolicy?: number | undefined;
  /** Active logical lanes, one bit each. */
  readonly activeLaneMask?: bigint | undefined;
  readonly preferredCodecBitmap?: number | undefined;
  readonly preferredCompressionBitmap?: number | undefined;
}

/** The answer to a patch, whatever it says, with its profile patch block. */
export type NnrpPatchAck = preview3.SessionPatchAck & {
  /** The block of the profile; empty when there is none. Not copied. */
  readonly body: BodyBytes;
};

/** An object to be stored with the server. */
export interface CacheObjectInit {
  readonly namespace: number;
  /** The whole key: a u64, over preview4 of 128 bits. */
  readonly key: bigint;
  readonly kind: preview3.CacheObjectKind;
  /** Wanted lifetime in milliseconds; default 0, the server's. */
  readonly ttlMs?: number | undefined;
  /** CachePutFlags; default 0. */
  readonly flags?: number | undefined;
  /** Codecs of the object, one bit each; default 0. */
  readonly codecBitmap?: number | undefined;
}

/** Which objects the server is to forget; what the scope does not look at may be left out. */
export interface CacheSelector {
  readonly scope: preview3.CacheInvalidateScope;
  readonly namespace?: number | undefined;
  /** For the scope object_key: a u64, over preview4 of 128 bits. */
  readonly key?: bigint | undefined;
  /** For the scope object_kind. */
  readonly kind?: preview3.CacheObjectKind | undefined;
  /** Default 0. */
  readonly reasonCode?: number | undefined;
}

const PATCH_BITS: readonly (readonly [keyof PatchFields, number])[] = [
  ['targetCadenceX100', PatchFlags.TargetCadence],
  ['qualityTier', PatchFlags.QualityTier],
  ['degradePolicy', PatchFlags.DegradePolicy],
  ['activeLaneMask', PatchFlags.ActiveLaneMask],
  ['preferredCodecBitmap', PatchFlags.PreferredCodec],
  ['preferredCompressionBitmap', PatchFlags.PreferredCompression],
];

const OBJECT_FIELDS = optionTable<CacheObjectInit>({
  namespace: U32,
  key: U64,
  kind: oneOf('CacheObjectKind', preview3.CacheObjectKind),
  ttlMs: U32,
  flags: bitsOf('CachePutFlags', preview3.CachePutFlags),
  codecBitmap: U32,
});
const SELECTOR_FIELDS = optionTable<CacheSelector>({
  scope: oneOf('CacheInvalidateScope', preview3.CacheInvalidateScope),
  namespace: U32,
  key: U64,
  kind: oneOf('CacheObjectKind', preview3.CacheObjectKind),
  reasonCode: U32,
});
const PATCH_FIELDS = optionTable<PatchFields>({
  profileId: U16,
  targetCadenceX100: U32,
  qualityTier: U16,
  degradePolicy: U16,
  activeLaneMask: U64,
  preferredCodecBitmap: U32,
  preferredCompressionBitmap: U32,
});
/** The same over preview4. */
const WIDE_KEY = { key: U128 };
const WIDE_OBJECT_FIELDS = new Map([...OBJECT_FIELDS, ...optionTable(WIDE_KEY)]);
const WIDE_SELECTOR_FIELDS = new Map([...SELECTOR_FIELDS, ...optionTable(WIDE_KEY)]);
/** What an object, and a selection of objects, cannot do without. */
const NEEDED_OF_OBJECT = ['namespace', 'key', 'kind'];
const NEEDED_OF_SELECTOR = ['scope'];

/**
 * SESSION_PATCH: the mask follows from the fields that are given.
 * @throws UsageError on a field that does not exist or fit, and when there is nothing to change
 */
export function sessionPatch(fields: PatchFields, profilePatchBytes: number | undefined): preview3.SessionPatch {
  checkOptions('patch fields', fields, PATCH_FIELDS);
  const given = PATCH_BITS.filter(([name]) => fields[name] !== undefined);
  if (given.length === 0 && profilePatchBytes === undefined) {
    throw new UsageError('patch fields: there is nothing to change');
  }
  return {
    profileId: fields.profileId ?? 0,
    patchMask: given.reduce(
      (mask, [, bit]) => mask | bit,
      profilePatchBytes === undefined ? 0 : PatchFlags.ProfilePatch,
    ),
    targetCadenceX100: fields.targetCadenceX100 ?? 0,
    qualityTier: fields.qualityTier ?? 0,
    degradePolicy: fields.degradePolicy ?? 0,
    activeLaneMask: fields.activeLaneMask ?? 0n,
    preferredCodecBitmap: fields.preferredCodecBitmap ?? 0,
    preferredCompressionBitmap: fields.preferredCompressionBitmap ?? 0,
    profilePatchBytes: profilePatchBytes ?? 0,
  };
}

/** @throws UsageError on a field that does not exist or fit */
export function cachePut(object: CacheObjectInit, objectBytes: number, isWide = false): preview3.CachePut {
  checkNeeded('cache object', object, isWide ? WIDE_OBJECT_FIELDS : OBJECT_FIELDS, NEEDED_OF_OBJECT);
  const [cacheKeyHi, cacheKeyLo] = keyHalves(object.key);
  return {
    cacheNamespace: object.namespace,
    cacheKeyHi,
    cacheKeyLo,
    objectKind: object.kind,
    ttlMs: object.ttlMs ?? 0,
    objectBytes,
    codecBitmap: object.codecBitmap ?? 0,
    flags: object.flags ?? 0,
  };
}

/** CACHE_INVALIDATE; for the scope object_kind the kind stands in place of the key (section 19, A-20). @throws UsageError as {@link cachePut} */
export function cacheInvalidate(selector: CacheSelector, isWide = false): preview3.CacheInvalidate {
  checkNeeded('cache selector', selector, isWide ? WIDE_SELECTOR_FIELDS : SELECTOR_FIELDS, NEEDED_OF_SELECTOR);
  const byKind = selector.scope === preview3.CacheInvalidateScope.ObjectKind;
  const [cacheKeyHi, cacheKeyLo] = byKind ? [selector.kind ?? 0, 0] : keyHalves(selector.key ?? 0n);
  return {
    invalidateScope: selector.scope,
    cacheNamespace: selector.namespace ?? 0,
    cacheKeyHi,
    cacheKeyLo,
    reasonCode: selector.reasonCode ?? 0,
  };
}

/** SESSION_MIGRATE, at this moment. @param kind - of the transport in use */
export function sessionMigrate(
  kind: TransportKind,
  newTransportId: preview3.TransportId,
  lastResultFrameId: bigint,
): preview3.SessionMigrate {
  const clientMigrateTsUs = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
  return described({ oldTransportId: transportIdOf(kind), newTransportId, lastResultFrameId, clientMigrateTsUs });
}

/**
 * The transport_id of a kind of transport: TLS counts as the tcp it runs on.
 * @returns 0 when preview3 has none for it, as for memory
 */
export function transportIdOf(kind: TransportKind): preview3.TransportId {
  if (kind === 'tcp' || kind === 'tls') return TransportId.Tcp;
  return kind === 'quic' ? TransportId.Quic : TransportId.Unspecified;
}

function keyHalves(key: bigint): [high: number, low: number] {
  return [Number(key >> 32n), Number(key & 0xffffffffn)];
}
