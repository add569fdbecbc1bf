import type { IdentifierRule, MessageInfo } from '../bytes/message-info.js';
import { faultAt, type WireFault } from '../faults/fault.js';
import type { Revision } from '../revisions/revision.js';
import type { Packet } from './packet.js';

/**
 * The lengths of a packet against its message: header-only messages, exact metadata, no body where none belongs.
 *
 * @returns the first fault, or undefined
 * @see NNRP/1-preview3 sections 4 and 14
 */
export function checkLengths(info: MessageInfo, metadataLength: number, bodyLength: number): WireFault | undefined {
  if (info.headerOnlyRule !== undefined && (metadataLength !== 0 || bodyLength !== 0)) {
    return { kind: 'invalid_combination', rule: info.headerOnlyRule };
  }
  if (info.noMetadataRule !== undefined && metadataLength !== 0) {
    return { kind: 'invalid_combination', rule: info.noMetadataRule };
  }
  if (metadataLength !== info.metadataBytes) {
    const lengths = { expected: info.metadataBytes, actual: metadataLength };
    return { kind: metadataLength < info.metadataBytes ? 'source_too_short' : 'metadata_length_mismatch', ...lengths };
  }
  if (info.body === 'none' && bodyLength !== 0) {
    return { kind: 'unexpected_body', message: info.name, actual: bodyLength };
  }
  return undefined;
}

/**
 * What the layout of a packet cannot say, without throwing: its lengths, the metadata's own rules, the rules over header
 * and metadata, and where the metadata announces the body, that it is as long as that.
 *
 * @returns the first fault, or undefined
 * @see NNRP/1-preview3 sections 4, 14 and 15.2
 */
export function checkPacket(packet: Packet, info: MessageInfo, revision: Revision): WireFault | undefined {
  const lengths = checkLengths(info, packet.metadataLength, packet.bodyLength);
  if (lengths !== undefined) return lengths;
  if (info.checkMetadata === undefined || info.metadataRules === undefined) return undefined;
  const { view, metadataStart } = packet;
  const broken = info.checkMetadata(view, metadataStart);
  if (broken >= 0) return faultAt(info.metadataRules, broken, view, metadataStart);
  const rule = revision.checkTogether(info.code, packet.sessionId, view, metadataStart);
  if (rule !== undefined) return { kind: 'invalid_combination', rule };
  return revision.checkBody?.(info, view, metadataStart, packet.bodyLength);
}

/**
 * The identifiers of a header against its message: connection-scope messages carry session 0, work carries a session
 * and a frame.
 *
 * @returns the first fault, or undefined
 * @see NNRP/1-preview3 section 5
 */
export function checkHeaderIds(packet: Packet, info: MessageInfo): WireFault | undefined {
  const { sessionId, frameId } = packet;
  if (fits(info.sessionId, sessionId) && fits(info.frameId, frameId)) return undefined;
  return checkId(info, 'session_id', info.sessionId, sessionId) ?? checkId(info, 'frame_id', info.frameId, frameId);
}

function fits(rule: IdentifierRule, actual: number): boolean {
  return rule === 'any' || (rule === 'zero') === (actual === 0);
}

function checkId(
  info: MessageInfo,
  field: 'session_id' | 'frame_id',
  rule: IdentifierRule,
  actual: number,
): WireFault | undefined {
  if (fits(rule, actual)) return undefined;
  const expected = rule === 'zero' ? 'zero' : 'non-zero';
  return { kind: 'invalid_header_id', message: info.name, field, expected, actual };
}
