import * as preview4 from 'nnrp-core/preview4';

/** The messages about cache objects, whose structures are others in preview4. */
export const CACHE_CODECS = {
  put: { bytes: preview4.CACHE_PUT_BYTES, encode: preview4.encodeCachePut as never },
  ack: { bytes: preview4.CACHE_ACK_BYTES, encode: preview4.encodeCacheAck as never },
  invalidate: { bytes: preview4.CACHE_INVALIDATE_BYTES, encode: preview4.encodeCacheInvalidate as never },
  decodeAck: preview4.decodeCacheAck,
  decodeInvalidate: preview4.decodeCacheInvalidate,
  decodePut: preview4.decodeCachePut,
};
