import { type ControlExtension, controlExtensionBytes } from '../../body/control/control-extensions.js';
import {
  checkHelloExtension,
  decodeHelloExtension,
  encodeHelloExtension,
} from '../../body/control/hello-extensions.js';
import { decodePeerMessages, encodePeerMessages, PEER_MESSAGES_EXTENSION } from '../../body/control/peer-messages.js';
import { describeFault } from '../../faults/wire-error.js';
import type { ClientHello } from '../../generated/preview3/client-hello.js';
import {
  AuthStatus,
  ErrorCode,
  LossTolerancePolicy,
  TransportId,
  TransportPolicy,
} from '../../generated/preview3/enums.js';
import { PAYLOAD_KIND_FLAGS_MASK, ServerFlags } from '../../generated/preview3/flags.js';
import type { ServerHelloAck } from '../../generated/preview3/server-hello-ack.js';

/** What a server offers on a connection. Bitmaps that are left out accept whatever the client offers. */
export interface HelloTerms {
  /** Profile ids, see ProfileId. */
  readonly supportedProfiles: readonly number[];
  /** Kinds of cache objects, see CacheObjectKind; none = there is no cache. */
  readonly supportedCacheObjects: readonly number[];
  /** Bits of PayloadKindFlags. */
  readonly payloadKindBitmap?: number;
  readonly codecBitmap?: number;
  readonly compressionBitmap?: number;
  readonly dtypeBitmap?: number;
  readonly layoutBitmap?: number;
  readonly cacheDigestBitmap?: number;
  /** Left out, the wish of the client is granted; 0 grants none. */
  readonly maxCacheEntries?: number;
  /** Bytes; left out, the wish of the client is granted. */
  readonly maxCacheBytes?: number;
  /** Left out, the wish of the client is granted. */
  readonly maxLaneCount?: number;
  readonly maxConcurrentFrames: number;
  /** Largest body that the server takes, in bytes. */
  readonly maxBodyBytes: number;
  /** Default Success. */
  readonly authStatus?: number;
  /** Lifetime of the authentication in milliseconds; default 0, none. */
  readonly tokenTtlMs?: number;
  /** The transport of this connection; default unspecified. */
  readonly transportId?: TransportId;
  /** Families of messages to announce to a client that announces its own, see PeerMessages; default: nothing is said. */
  readonly peerMessages?: number;
  /** Types of extensions that the application understands, beyond those understood here; default none. */
  readonly knownExtensions?: readonly number[];
}

/** The answer to a hello: an acknowledgement and the entries of its extension block, or the code of an ERROR. */
export type HelloOutcome =
  | { readonly ack: ServerHelloAck; readonly extensions: ControlExtension[] }
  | {
      /** See ErrorCode. */
      readonly errorCode: number;
      /** What is wrong, for a diagnostic. */
      readonly text: string;
    };

/**
 * Decides on a hello. Every choice lies within the offer, so that HELLOACK-1 to HELLOACK-10 hold; a bitmap without
 * anything in common becomes 0, and it is the session open that fails then. Cadence, budget, quality and degrade policy
 * are granted as wished; no session is opened.
 *
 * @param extensions - the decoded extension block of the hello
 * @returns unsupported_version for a window without major 1 or an offer without wire format 0; malformed_body for a known
 *   extension with a bad payload, or one that comes twice; unsupported_capability for a critical extension that is not
 *   known
 * @see NNRP/1-preview3 sections 7.1, 7.2, 13.2 and 19
 */
export function negotiateHello(
  hello: ClientHello,
  extensions: readonly ControlExtension[],
  terms: HelloTerms,
): HelloOutcome {
  if (hello.minVersionMajor > 1 || hello.maxVersionMajor < 1 || (hello.supportedWireFormatBitmap & 1) === 0) {
    return { errorCode: ErrorCode.UnsupportedVersion, text: 'version_major 1 with wire_format 0 is not offered' };
  }
  const answers: ControlExtension[] = [];
  const seen = new Set<number>();
  for (const extension of extensions) {
    const { type, critical } = extension;
    const fault = checkHelloExtension(extension);
    if (fault !== undefined) return malformed(`extension ${hex(type)}: ${describeFault(fault)}`);
    const answer = answerTo(extension, terms);
    const known = answer !== undefined || (terms.knownExtensions?.includes(type) ?? false);
    if (!known && critical) {
      return { errorCode: ErrorCode.UnsupportedCapability, text: `critical extension ${hex(type)} is not known` };
    }
    if (answer === undefined) continue;
    if (seen.has(type)) return malformed(`extension ${hex(type)} comes twice`);
    seen.add(type);
    if (answer !== 'silent') answers.push(answer);
  }
  return { ack: acknowledge(hello, terms, controlExtensionBytes(answers)), extensions: answers };
}

/** Profiles as a bitmap of the hello: bit (id - 1); ids without a bit are left out. */
export function profileBitmap(profileIds: readonly number[]): number {
  return bitmapOf(profileIds, 32);
}

/** Kinds of cache objects as a bitmap of the hello: bit (kind - 1); kinds without a bit are left out. */
export function cacheObjectBitmap(objectKinds: readonly number[]): number {
  return bitmapOf(objectKinds, 16);
}

/** The answer to one extension of a hello; undefined when it is not known, `silent` when it needs none. */
function answerTo(extension: ControlExtension, terms: HelloTerms): ControlExtension | 'silent' | undefined {
  if (extension.type === PEER_MESSAGES_EXTENSION) {
    if (decodePeerMessages(extension.payload) === undefined) return undefined;
    if (terms.peerMessages === undefined) return 'silent';
    return { type: PEER_MESSAGES_EXTENSION, critical: false, payload: encodePeerMessages(terms.peerMessages) };
  }
  const wish = decodeHelloExtension(extension);
  const activeTransportId = terms.transportId ?? TransportId.Unspecified;
  switch (wish?.kind) {
    case 'transport_policy':
      return encodeHelloExtension({
        kind: 'transport_policy_ack',
        policy: wish.policy,
        acceptedPolicy: isMet(wish.policy, activeTransportId) ? wish.policy : TransportPolicy.Auto,
        activeTransportId,
      });
    case 'loss_tolerance':
      return encodeHelloExtension({
        kind: 'loss_tolerance_ack',
        acceptedLevel: wish.level <= LossTolerancePolicy.FireAndForget ? wish.level : LossTolerancePolicy.BestEffort,
      });
    case 'payload_capabilities':
      return encodeHelloExtension({
        kind: 'payload_capabilities_ack',
        acceptedPayloadKindBitmap: wish.payloadKindBitmap & payloadKinds(terms),
        acceptedCriticalBitmap: 0,
      });
    default:
      // The acknowledging types are for the server to send; a client that sends one means something unknown.
      return undefined;
  }
}

/** Whether the transport of the connection is what the policy asks for, as far as it forces anything. */
function isMet(policy: number, transportId: TransportId): boolean {
  if (policy === TransportPolicy.ForceQuic) return transportId === TransportId.Quic;
  if (policy === TransportPolicy.ForceTcp) return transportId === TransportId.Tcp;
  return policy <= TransportPolicy.ForceTcp;
}

function acknowledge(hello: ClientHello, terms: HelloTerms, controlExtensionBytes: number): ServerHelloAck {
  const cacheObjects = common(hello.cacheObjectBitmap, cacheObjectBitmap(terms.supportedCacheObjects));
  return {
    selectedVersionMajor: 1,
    selectedWireFormat: 0,
    authStatus: terms.authStatus ?? AuthStatus.Success,
    sessionId: 0,
    acceptedProfileBitmap: common(hello.supportedProfileBitmap, profileBitmap(terms.supportedProfiles)),
    acceptedPayloadKindBitmap: common(hello.supportedPayloadKindBitmap, payloadKinds(terms)),
    acceptedCodecBitmap: common(hello.supportedCodecBitmap, terms.codecBitmap),
    acceptedCompressionBitmap: common(hello.supportedCompressionBitmap, terms.compressionBitmap),
    acceptedDtypeBitmap: common(hello.supportedDtypeBitmap, terms.dtypeBitmap),
    acceptedLayoutBitmap: common(hello.supportedLayoutBitmap, terms.layoutBitmap),
    cacheDigestBitmap: common(hello.cacheDigestBitmap, terms.cacheDigestBitmap),
    cacheObjectBitmap: cacheObjects,
    maxCacheEntries: Math.min(hello.maxCacheEntries, terms.maxCacheEntries ?? hello.maxCacheEntries),
    maxCacheBytes: Math.min(hello.maxCacheBytes, terms.maxCacheBytes ?? hello.maxCacheBytes),
    maxLaneCount: Math.min(hello.maxLaneCount, terms.maxLaneCount ?? hello.maxLaneCount),
    maxConcurrentFrames: terms.maxConcurrentFrames,
    targetCadenceX100: hello.targetCadenceX100,
    latencyBudgetMs: hello.latencyBudgetMs,
    qualityTier: hello.qualityTier,
    degradePolicy: hello.degradePolicy,
    maxBodyBytes: terms.maxBodyBytes,
    tokenTtlMs: terms.tokenTtlMs ?? 0,
    retryAfterMs: 0,
    controlExtensionBytes,
    serverFlags: cacheObjects === 0 ? 0 : ServerFlags.CacheEnabled,
  };
}

function payloadKinds(terms: HelloTerms): number {
  return (terms.payloadKindBitmap ?? PAYLOAD_KIND_FLAGS_MASK) & PAYLOAD_KIND_FLAGS_MASK;
}

/** What both bitmaps have, as an unsigned number. */
function common(offered: number, supported = 0xffffffff): number {
  return (offered & supported) >>> 0;
}

function bitmapOf(ids: readonly number[], bits: number): number {
  let bitmap = 0;
  for (const id of ids) if (id >= 1 && id <= bits) bitmap |= 1 << (id - 1);
  return bitmap >>> 0;
}

function malformed(text: string): HelloOutcome {
  return { errorCode: ErrorCode.MalformedBody, text };
}

function hex(type: number): string {
  return `0x${type.toString(16).padStart(4, '0')}`;
}
