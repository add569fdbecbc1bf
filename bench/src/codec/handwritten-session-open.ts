import type * as preview3 from 'nnrp-core/preview3';
import { refuse } from './handwritten-refuse.js';

const WHERE = 'SESSION_OPEN';

/* SESSION_OPEN as a careful person writes it by hand: one pass, every check that the generated code has, nothing else. */

export function check(view: DataView, at: number): number {
  if (!(at >= 0 && at + 48 <= view.byteLength)) return 0;
  if (view.getUint16(at + 22, true) !== 0) return 1;
  if ((view.getUint8(at + 7) & ~0x0f) !== 0) return 2;
  return view.getUint8(at + 6) > 2 ? 3 : -1;
}

export function decode(view: DataView, at: number) {
  if (!(at >= 0 && at + 48 <= view.byteLength)) refuse(WHERE);
  if (view.getUint16(at + 22, true) !== 0) refuse(WHERE);
  const sessionFlags = view.getUint8(at + 7);
  if ((sessionFlags & ~0x0f) !== 0) refuse(WHERE);
  const priorityClass = view.getUint8(at + 6);
  if (priorityClass > 2) refuse(WHERE);
  return {
    requestedSessionId: view.getUint32(at, true),
    profileId: view.getUint16(at + 4, true),
    priorityClass,
    sessionFlags,
    schemaId: view.getUint32(at + 8, true),
    schemaVersion: view.getUint32(at + 12, true),
    defaultDeadlineMs: view.getUint32(at + 16, true),
    maxInFlightOperations: view.getUint16(at + 20, true),
    leaseTtlHintMs: view.getUint32(at + 24, true),
    resumeTokenBytes: view.getUint32(at + 28, true),
    authBytes: view.getUint32(at + 32, true),
    sessionExtensionBytes: view.getUint32(at + 36, true),
    clientSessionTag: view.getBigUint64(at + 40, true),
  };
}

export function encode(value: preview3.SessionOpen, view: DataView, at: number): number {
  if (!(at >= 0 && at + 48 <= view.byteLength)) refuse(WHERE);
  const { requestedSessionId, profileId, priorityClass, sessionFlags, schemaId, schemaVersion } = value;
  const { defaultDeadlineMs, maxInFlightOperations, leaseTtlHintMs } = value;
  const { resumeTokenBytes, authBytes, sessionExtensionBytes, clientSessionTag } = value;
  if (requestedSessionId >>> 0 !== requestedSessionId) refuse(WHERE);
  if ((profileId & 0xffff) !== profileId) refuse(WHERE);
  if (priorityClass >>> 0 !== priorityClass || priorityClass > 2) refuse(WHERE);
  if ((sessionFlags & 0x0f) !== sessionFlags) refuse(WHERE);
  if (schemaId >>> 0 !== schemaId || schemaVersion >>> 0 !== schemaVersion) refuse(WHERE);
  if (defaultDeadlineMs >>> 0 !== defaultDeadlineMs) refuse(WHERE);
  if ((maxInFlightOperations & 0xffff) !== maxInFlightOperations) refuse(WHERE);
  if (leaseTtlHintMs >>> 0 !== leaseTtlHintMs) refuse(WHERE);
  if (resumeTokenBytes >>> 0 !== resumeTokenBytes || authBytes >>> 0 !== authBytes) refuse(WHERE);
  if (sessionExtensionBytes >>> 0 !== sessionExtensionBytes) refuse(WHERE);
  if (typeof clientSessionTag !== 'bigint') refuse(WHERE);
  if (BigInt.asUintN(64, clientSessionTag) !== clientSessionTag) refuse(WHERE);
  view.setUint32(at, requestedSessionId, true);
  view.setUint16(at + 4, profileId, true);
  view.setUint8(at + 6, priorityClass);
  view.setUint8(at + 7, sessionFlags);
  view.setUint32(at + 8, schemaId, true);
  view.setUint32(at + 12, schemaVersion, true);
  view.setUint32(at + 16, defaultDeadlineMs, true);
  view.setUint16(at + 20, maxInFlightOperations, true);
  view.setUint16(at + 22, 0, true);
  view.setUint32(at + 24, leaseTtlHintMs, true);
  view.setUint32(at + 28, resumeTokenBytes, true);
  view.setUint32(at + 32, authBytes, true);
  view.setUint32(at + 36, sessionExtensionBytes, true);
  view.setBigUint64(at + 40, clientSessionTag, true);
  return at + 48;
}

/** requested_session_id, profile_id and schema_id. */
export function read3(view: DataView, at: number): number {
  if (!(at >= 0 && at + 48 <= view.byteLength)) refuse(WHERE);
  return view.getUint32(at, true) + view.getUint16(at + 4, true) + view.getUint32(at + 8, true);
}
