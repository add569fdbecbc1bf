import type { CachedObject } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { Checks } from '../checks.js';
import { decoded, putBytes, WIRE } from '../wire-messages.js';
import type { WirePeer } from '../wire-peer.js';
import { referringSubmit, TILE_INDEX } from './region-bodies.js';

const { CacheObjectKind, MessageType } = preview3;
const KINDS = [CacheObjectKind.TileIndexBlock, CacheObjectKind.PromptSegment];
/** A server that takes objects. */
export const CACHED = { supportedCacheObjects: KINDS };
/** Limits of an object cache that an application keeps. */
export const LIMITS = { supportedKinds: KINDS, maxObjects: 0, maxObjectBytes: 0, maxTotalBytes: 0, leaseTtlMs: 1000 };
/** The put of the object that submits refer to, four bytes long. */
export const TILES = { ...TILE_INDEX, ttlMs: 0, objectBytes: 4, codecBitmap: 0, flags: 0 };
/** A put of another kind under the same key. */
export const PROMPT = { ...TILES, objectKind: CacheObjectKind.PromptSegment };

/** Puts an object and reads the answer. */
export async function put(
  peer: WirePeer,
  body: string,
  what: Partial<preview3.CachePut> = {},
): Promise<preview3.CacheAck> {
  peer.send(putBytes(1, body, { ...TILE_INDEX, ...what }));
  return decoded(WIRE.cacheAck, await peer.expect(MessageType.CacheAck, 1));
}

/** A submit that refers to an object which cannot be served is answered with this code, and dropped. */
export async function checkNotServed(check: Checks, peer: WirePeer, frameId: number, code: number, sessionId = 1) {
  peer.send(referringSubmit(sessionId, frameId));
  const error = decoded(WIRE.error, await peer.expect(MessageType.Error, sessionId, frameId));
  check.equal<number>(error.errorCode, code, `the code for frame ${frameId}`);
  check.fields(error, { errorScope: preview3.ErrorScope.Frame, isFatal: 0, relatedFrameId: frameId }, 'its ERROR');
  await peer.expect(MessageType.ResultDrop, sessionId, frameId);
}

/** What a lookup comes to: a version or a code. */
export function found(outcome: { readonly object: CachedObject } | { readonly errorCode: number }): bigint | number {
  return 'object' in outcome ? outcome.object.version : outcome.errorCode;
}
