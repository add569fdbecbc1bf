import type { Packet, WireFault } from 'nnrp-core';
import * as preview4 from 'nnrp-core/preview4';
import type { BodyBytes } from '../body/body-reading.js';
import type { ControlKind } from './control-kind.js';
import { type AnyControlKind, controlKind } from './control-kinds.js';
import type { ObjectIssue } from './object-table.js';

type EventOf<Kind> =
  Kind extends ControlKind<infer Type, infer M>
    ? {
        readonly type: Type;
        /** Frame of the operation that is meant; 0 for the session. */
        readonly frameId: number;
        readonly metadata: M;
        /** A copy: what the metadata announces, such as a text or the application's own data. */
        readonly body: BodyBytes;
        /** Of a body of capabilities that is a list of tokens; undefined where there is none. */
        readonly capabilities?: readonly string[];
        /** What is wrong with it, where it is about an object. */
        readonly issue?: ObjectIssue;
      }
    : never;

/** A message of preview4 beside submits, results and drops, as it has come. */
export type ControlEvent = EventOf<AnyControlKind>;

/** Its operation id: 0 when it is about the session. */
export function operationOf({ metadata }: Pick<ControlEvent, 'metadata'>, kind: AnyControlKind): bigint {
  const { operation } = kind as ControlKind;
  return operation === undefined ? 0n : ((metadata as unknown as Record<string, bigint>)[operation] ?? 0n);
}

/**
 * Reads a message whose packet is well-formed.
 * @param isStrict - whether bodies of capabilities have to be lists of registered tokens, as from release 4.26 on
 * @returns undefined when it is none of these; a fault when its metadata breaks a rule for receivers
 */
export function readControl(
  packet: Packet,
  isStrict = false,
): { readonly kind: AnyControlKind; readonly event: ControlEvent } | { readonly fault: WireFault } | undefined {
  const kind = controlKind(packet.messageType);
  if (kind === undefined) return undefined;
  const { type, decode, judge } = kind as ControlKind;
  const metadata = decode(packet.view, packet.metadataStart);
  const fault = judge?.(metadata);
  if (fault !== undefined) return { fault };
  const body = new Uint8Array(packet.body);
  const capabilityFault =
    isStrict && hasCapabilities(type) ? faultOfCapabilities(body, metadata as preview4.Capability) : undefined;
  if (capabilityFault !== undefined) return { fault: capabilityFault };
  const capabilities = hasCapabilities(type) ? capabilitiesIn(body, metadata as preview4.Capability) : undefined;
  const event = { type, frameId: packet.frameId, metadata, body, ...(capabilities !== undefined && { capabilities }) };
  return { kind, event: event as unknown as ControlEvent };
}

function hasCapabilities(type: string): boolean {
  return type === 'capabilityNegotiation' || type === 'degradeProfile';
}

function faultOfCapabilities(body: Uint8Array, { capabilityCount }: preview4.Capability): WireFault | undefined {
  return (
    preview4.checkCapabilityTokens(body, capabilityCount) ??
    preview4.unknownCapabilityToken(preview4.decodeCapabilityTokens(body, capabilityCount))
  );
}

/** Peers before 4.26 send any bytes: those are the application's to read. */
function capabilitiesIn(body: Uint8Array, { capabilityCount }: preview4.Capability): readonly string[] | undefined {
  if (preview4.checkCapabilityTokens(body, capabilityCount) !== undefined) return undefined;
  return preview4.decodeCapabilityTokens(body, capabilityCount);
}
