import * as preview3 from 'nnrp-core/preview3';
import { preview4Words } from '../../connection/controls/loaded-preview4.js';
import type { Preview4Words } from '../../connection/controls/preview4-words.js';
import { CACHE_ACK, CACHE_INVALIDATE, CACHE_PUT } from '../../connection/sending/codecs.js';
import type { MetadataCodec } from '../../connection/sending/outbound-message.js';
import { type CacheObjectInit, type CacheSelector, cacheInvalidate, cachePut } from './request-messages.js';

/** A key in the words of the revision: two u32 in preview3, two u64 in preview4. */
type Word = number | bigint;
interface KeyWords {
  readonly cacheNamespace: number;
  readonly cacheKeyHi: Word;
  readonly cacheKeyLo: Word;
}
export type CachePutWords = Omit<preview3.CachePut, keyof KeyWords> & KeyWords;

/** @param isPreview4 - whether the connection speaks it */
export function cacheWords(isPreview4: boolean): CacheWords {
  return isPreview4 ? cacheWords4(preview4Words().cache) : CACHE_WORDS_3;
}

/** How the messages about cache objects are said: their structures are others in preview4. */
export interface CacheWords {
  readonly put: MetadataCodec<CachePutWords>;
  readonly ack: MetadataCodec<Omit<preview3.CacheAck, keyof KeyWords> & KeyWords>;
  readonly invalidate: MetadataCodec<unknown>;
  /** @throws UsageError as `cachePut` */
  putOf(object: CacheObjectInit, objectBytes: number): CachePutWords;
  /** @throws UsageError as `cacheInvalidate` */
  invalidateOf(selector: CacheSelector): unknown;
  readAck(view: DataView, start: number): preview3.CacheAck;
  readInvalidate(view: DataView, start: number): preview3.CacheInvalidate;
  readPut(view: DataView, start: number): preview3.CachePut;
  /** The key that CACHE_PUT names, as its answer repeats it. */
  readKey(view: DataView, start: number): KeyWords;
}

const CACHE_WORDS_3: CacheWords = {
  put: CACHE_PUT as unknown as MetadataCodec<CachePutWords>,
  ack: CACHE_ACK as unknown as CacheWords['ack'],
  invalidate: CACHE_INVALIDATE as unknown as MetadataCodec<unknown>,
  putOf: cachePut,
  invalidateOf: cacheInvalidate,
  readAck: preview3.decodeCacheAck,
  readInvalidate: preview3.decodeCacheInvalidate,
  readPut: preview3.decodeCachePut,
  readKey: preview3.decodeCachePut,
};

const { ObjectKind, ObjectKey, Namespace } = preview3.CacheInvalidateScope;

/** Its keys are two bigints. */
function cacheWords4({ put, ack, invalidate, ...codecs }: Preview4Words['cache']): CacheWords {
  return {
    put,
    ack,
    invalidate,
    putOf: (object, objectBytes) => ({ ...cachePut(object, objectBytes, true), ...words(object.key) }),
    invalidateOf(selector) {
      const { invalidateScope, cacheNamespace, reasonCode } = cacheInvalidate(selector, true);
      const { key = 0n, kind = 0 } = selector;
      return {
        invalidateScope,
        // What a scope does not use is 0.
        cacheNamespace: [Namespace, ObjectKind, ObjectKey].some((scope) => scope === invalidateScope)
          ? cacheNamespace
          : 0,
        ...words(invalidateScope === ObjectKey ? key : 0n),
        ...(invalidateScope === ObjectKind && { cacheKeyHi: BigInt(kind) }),
        reasonCode,
      };
    },
    readAck: (view, start) => narrowed(codecs.decodeAck(view, start)),
    readInvalidate: (view, start) => narrowed(codecs.decodeInvalidate(view, start)),
    readPut: (view, start) => narrowed(codecs.decodePut(view, start)),
    readKey: codecs.decodePut,
  };
}

function words(key: bigint) {
  return { cacheKeyHi: key >> 64n, cacheKeyLo: BigInt.asUintN(64, key) };
}

/** With the key as applications of either revision have it: the halves of the low word. One with a high word keeps both. */
function narrowed<M extends { readonly cacheKeyHi: bigint; readonly cacheKeyLo: bigint }>(
  message: M,
): Omit<M, 'cacheKeyHi' | 'cacheKeyLo'> & { cacheKeyHi: number; cacheKeyLo: number } {
  const { cacheKeyHi, cacheKeyLo } = message;
  if (cacheKeyHi !== 0n) return message as never;
  return { ...message, cacheKeyHi: Number(cacheKeyLo >> 32n), cacheKeyLo: Number(cacheKeyLo & 0xffff_ffffn) };
}
