import * as preview3 from 'nnrp-core/preview3';
import type { Given, Kept } from '../../base/options.js';
import { readValues } from '../../base/options.js';
import type { BodyInput } from '../../connection/body/body-bytes.js';
import { ownBytes } from '../../connection/body/body-bytes.js';
import { ownExtensions } from './client-announcement.js';
import { HELLO_FIELDS } from './hello-fields.js';

/** What a client says about itself before its first session; what is left out has its default. */
export interface ClientHelloOptions extends Given<Omit<preview3.ClientHello, 'authBytes' | 'controlExtensionBytes'>> {
  /** Authentication block; default empty. */
  readonly auth?: BodyInput | undefined;
  /** Entries of the control extension block; default none. See preview3.encodeHelloExtension. */
  readonly extensions?: readonly preview3.ControlExtension[] | undefined;
}

/** Version 1, wire format 0, both profiles, every payload kind and cache object kind; no wishes. */
export const HELLO_DEFAULTS: Omit<preview3.ClientHello, 'authBytes' | 'controlExtensionBytes'> = Object.freeze({
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 0b11,
  supportedPayloadKindBitmap: preview3.PAYLOAD_KIND_FLAGS_MASK,
  supportedCodecBitmap: 0,
  supportedCompressionBitmap: 0,
  supportedDtypeBitmap: 0,
  supportedLayoutBitmap: 0,
  cacheDigestBitmap: 0,
  cacheObjectBitmap: 0x1ff,
  cacheNamespaceCount: 0xffff,
  maxLaneCount: 1,
  maxCacheEntries: 0xffffffff,
  maxCacheBytes: 0xffffffff,
  targetCadenceX100: 0,
  latencyBudgetMs: 0,
  qualityTier: 0,
  degradePolicy: preview3.DegradePolicy.ServerDefault,
  requestedSessionId: 0,
});

/**
 * What clients of the reference say over preview4: version 1, wire format 0, both profiles, every kind of payload but audio and video,
 * and no wishes but the latency budget.
 */
export const HELLO_DEFAULTS_4: typeof HELLO_DEFAULTS = Object.freeze({
  ...HELLO_DEFAULTS,
  supportedPayloadKindBitmap: 0x73,
  cacheObjectBitmap: 0,
  cacheNamespaceCount: 0,
  maxCacheEntries: 0,
  maxCacheBytes: 0,
  latencyBudgetMs: 500,
});

/**
 * A copy that no later change of the options, or of bytes in them, reaches.
 * @throws UsageError on an option that does not exist or fit, and on bytes or extensions that are none
 */
export function helloOptions(options: ClientHelloOptions): Kept<ClientHelloOptions> {
  const { auth, extensions, ...wishes } = readValues('hello options', options, HELLO_FIELDS);
  return {
    ...wishes,
    ...(auth !== undefined && { auth: ownBytes(auth, 'auth') }),
    ...(extensions !== undefined && { extensions: ownExtensions(extensions) }),
  };
}
