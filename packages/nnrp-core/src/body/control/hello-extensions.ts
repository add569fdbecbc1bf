import { checkUnsignedField } from '../../bytes/unsigned-field.js';
import { viewOf } from '../../bytes/view-of.js';
import type { WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import { brokenRule } from '../../rules/broken-rule.js';
import { shownValue } from '../../text/shown-value.js';
import type { ControlExtension } from './control-extensions.js';

/** Types of the standard hello extensions. @see NNRP/1-preview3 section 13.2 */
export const HelloExtensionType = /* @__PURE__ */ Object.freeze({
  /** CLIENT_HELLO: which transport is wanted. */
  TransportPolicy: 0x0101,
  /** SERVER_HELLO_ACK: which transport there is. */
  TransportPolicyAck: 0x0102,
  /** CLIENT_HELLO: how much loss sessions tolerate; best_effort without it. */
  LossTolerance: 0x0103,
  /** SERVER_HELLO_ACK: the level that applies. */
  LossToleranceAck: 0x0104,
  /** CLIENT_HELLO: payload kinds and critical extension frames. */
  PayloadCapabilities: 0x0105,
  /** SERVER_HELLO_ACK: those that are accepted. */
  PayloadCapabilitiesAck: 0x0106,
} as const);
export type HelloExtensionType = (typeof HelloExtensionType)[keyof typeof HelloExtensionType];

/**
 * A standard hello extension, read. Values that are not assigned pass: `policy` and `acceptedPolicy` see TransportPolicy,
 * the transport ids TransportId, the levels LossTolerancePolicy, the payload kinds PayloadKindFlags. No critical extension
 * is assigned in this revision, so both critical bitmaps are 0.
 */
export type HelloExtension =
  | { readonly kind: 'transport_policy'; readonly policy: number; readonly preferredTransportId: number }
  | {
      readonly kind: 'transport_policy_ack';
      readonly policy: number;
      readonly acceptedPolicy: number;
      readonly activeTransportId: number;
    }
  | { readonly kind: 'loss_tolerance'; readonly level: number }
  | { readonly kind: 'loss_tolerance_ack'; readonly acceptedLevel: number }
  | {
      readonly kind: 'payload_capabilities';
      readonly payloadKindBitmap: number;
      readonly criticalExtensionBitmap: number;
    }
  | {
      readonly kind: 'payload_capabilities_ack';
      readonly acceptedPayloadKindBitmap: number;
      readonly acceptedCriticalBitmap: number;
    };

const WHERE = 'HELLO_EXTENSION';
const PAYLOAD_BYTES = 8;

/**
 * Checks the payload of a standard hello extension without throwing; any other type is fine.
 *
 * @returns HELLOEXT-1, a name of this implementation, when it has not 8 bytes; nonzero_reserved_field
 * @see NNRP/1-preview3 section 13.2
 */
export function checkHelloExtension(extension: ControlExtension): WireFault | undefined {
  const { type, payload } = extension;
  if (!isStandard(type)) return undefined;
  if (payload.length !== PAYLOAD_BYTES) return brokenRule('HELLOEXT-1');
  const { name, reservedFrom, reservedTo } = LAYOUTS[type];
  for (let at = reservedFrom; at < reservedTo; at++) {
    if (payload[at] !== 0) return { kind: 'nonzero_reserved_field', field: `${name}.reserved` };
  }
  return undefined;
}

/**
 * Reads a standard hello extension.
 *
 * @returns undefined for any other type
 * @throws WireError with what {@link checkHelloExtension} finds
 * @see NNRP/1-preview3 section 13.2
 */
export function decodeHelloExtension(extension: ControlExtension): HelloExtension | undefined {
  const { type, payload } = extension;
  if (!isStandard(type)) return undefined;
  const fault = checkHelloExtension(extension);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  const view = viewOf(payload);
  const first = view.getUint8(0);
  const low = view.getUint32(0, true);
  const high = view.getUint32(4, true);
  switch (type) {
    case HelloExtensionType.TransportPolicy:
      return { kind: 'transport_policy', policy: first, preferredTransportId: high };
    case HelloExtensionType.TransportPolicyAck:
      return { kind: 'transport_policy_ack', policy: first, acceptedPolicy: view.getUint8(1), activeTransportId: high };
    case HelloExtensionType.LossTolerance:
      return { kind: 'loss_tolerance', level: first };
    case HelloExtensionType.LossToleranceAck:
      return { kind: 'loss_tolerance_ack', acceptedLevel: first };
    case HelloExtensionType.PayloadCapabilities:
      return { kind: 'payload_capabilities', payloadKindBitmap: low, criticalExtensionBitmap: high };
    case HelloExtensionType.PayloadCapabilitiesAck:
      return { kind: 'payload_capabilities_ack', acceptedPayloadKindBitmap: low, acceptedCriticalBitmap: high };
  }
}

/**
 * Makes the entry of a standard hello extension; reserved bytes are zero.
 *
 * @throws WireError field_out_of_range for a value that does not fit its field
 * @see NNRP/1-preview3 section 13.2
 */
export function encodeHelloExtension(extension: HelloExtension, critical = false): ControlExtension {
  switch (extension.kind) {
    case 'transport_policy': {
      const low = lowWord('policy', extension.policy);
      return entry(HelloExtensionType.TransportPolicy, critical, low, extension.preferredTransportId);
    }
    case 'transport_policy_ack': {
      const low = lowWord('policy', extension.policy, 'accepted_policy', extension.acceptedPolicy);
      return entry(HelloExtensionType.TransportPolicyAck, critical, low, extension.activeTransportId);
    }
    case 'loss_tolerance':
      return entry(HelloExtensionType.LossTolerance, critical, lowWord('level', extension.level), 0);
    case 'loss_tolerance_ack': {
      const low = lowWord('accepted_level', extension.acceptedLevel);
      return entry(HelloExtensionType.LossToleranceAck, critical, low, 0);
    }
    case 'payload_capabilities': {
      const { payloadKindBitmap, criticalExtensionBitmap } = extension;
      return entry(HelloExtensionType.PayloadCapabilities, critical, payloadKindBitmap, criticalExtensionBitmap);
    }
    case 'payload_capabilities_ack': {
      const { acceptedPayloadKindBitmap, acceptedCriticalBitmap } = extension;
      const type = HelloExtensionType.PayloadCapabilitiesAck;
      return entry(type, critical, acceptedPayloadKindBitmap, acceptedCriticalBitmap);
    }
  }
}

/** Both words of the payload: in every type the second is one field, and the first one field or single bytes. */
function entry(type: HelloExtensionType, critical: boolean, low: number, high: number): ControlExtension {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  const view = viewOf(payload);
  const { lowName, highName } = LAYOUTS[type];
  const unfit = checkUnsignedField(lowName, 'u32', low) ?? checkUnsignedField(highName, 'u32', high);
  if (unfit !== undefined) throw new WireError(unfit, WHERE);
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
  return { type, critical, payload };
}

/** The first word of a payload that begins with bytes. */
function lowWord(field: string, value: number, nextField = '', nextValue = 0): number {
  return byte(field, value) + byte(nextField, nextValue) * 0x100;
}

function byte(field: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0xff) return value;
  throw new WireError({ kind: 'field_out_of_range', field, type: 'u8', value: shownValue(value) }, WHERE);
}

interface PayloadLayout {
  readonly name: string;
  /** First reserved byte, and the one after the last; the same when there is none. */
  readonly reservedFrom: number;
  readonly reservedTo: number;
  /** Names of the words, for faults. */
  readonly lowName: string;
  readonly highName: string;
}

const LAYOUTS: Readonly<Record<HelloExtensionType, PayloadLayout>> = /* @__PURE__ */ Object.freeze({
  [HelloExtensionType.TransportPolicy]: layout('transport_policy', 1, 4, 'policy', 'preferred_transport_id'),
  [HelloExtensionType.TransportPolicyAck]: layout('transport_policy_ack', 2, 4, 'policy', 'active_transport_id'),
  [HelloExtensionType.LossTolerance]: layout('loss_tolerance', 1, 8, 'level', 'reserved'),
  [HelloExtensionType.LossToleranceAck]: layout('loss_tolerance_ack', 1, 8, 'accepted_level', 'reserved'),
  [HelloExtensionType.PayloadCapabilities]: layout(
    'payload_capabilities',
    8,
    8,
    'payload_kind_bitmap',
    'critical_extension_bitmap',
  ),
  [HelloExtensionType.PayloadCapabilitiesAck]: layout(
    'payload_capabilities_ack',
    8,
    8,
    'accepted_payload_kind_bitmap',
    'accepted_critical_bitmap',
  ),
});

function layout(
  name: string,
  reservedFrom: number,
  reservedTo: number,
  lowName: string,
  highName: string,
): PayloadLayout {
  return { name, reservedFrom, reservedTo, lowName, highName };
}

function isStandard(type: number): type is HelloExtensionType {
  return type >= HelloExtensionType.TransportPolicy && type <= HelloExtensionType.PayloadCapabilitiesAck;
}
