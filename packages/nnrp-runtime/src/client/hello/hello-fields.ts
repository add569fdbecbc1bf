import type { ClientHello } from 'nnrp-core/preview3';
import { optionTable, U8, U16, U32 } from '../../base/option-kinds.js';

type HelloFields = Omit<ClientHello, 'authBytes' | 'controlExtensionBytes'> & { auth: unknown; extensions: unknown };

/** What each option of a hello takes by itself; what they may say together the codec checks. */
export const HELLO_FIELDS = optionTable<HelloFields>({
  minVersionMajor: U8,
  maxVersionMajor: U8,
  supportedWireFormatBitmap: U16,
  supportedProfileBitmap: U32,
  supportedPayloadKindBitmap: U32,
  supportedCodecBitmap: U32,
  supportedCompressionBitmap: U32,
  supportedDtypeBitmap: U32,
  supportedLayoutBitmap: U32,
  cacheDigestBitmap: U16,
  cacheObjectBitmap: U16,
  cacheNamespaceCount: U16,
  maxLaneCount: U16,
  maxCacheEntries: U32,
  maxCacheBytes: U32,
  targetCadenceX100: U16,
  latencyBudgetMs: U16,
  qualityTier: U16,
  degradePolicy: U16,
  requestedSessionId: U32,
  auth: undefined,
  extensions: undefined,
});
