import type * as preview3 from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import type { MetadataCodec } from '../../../connection/sending/outbound-message.js';

/** CACHE_ACK, whose keys are as wide as those of the put that it answers. */
export const CACHE_ACK_4: MetadataCodec<preview3.CacheAck> = {
  bytes: preview4.CACHE_ACK_BYTES,
  encode: (ack, view, start) => preview4.encodeCacheAck(ack as unknown as preview4.CacheAck, view, start),
};
