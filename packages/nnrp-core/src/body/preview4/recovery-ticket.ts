import { checkUnsignedField } from '../../bytes/unsigned-field.js';
import { viewOf } from '../../bytes/view-of.js';
import type { WireFault } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import { shownValue } from '../../text/shown-value.js';

/**
 * What a client needs to resume a session, in the form that clients of several languages exchange. It never travels on the
 * wire. Its holder can take the session over: keep it like a password.
 * @see NNRP/1-preview4 section 11.4
 */
export interface RecoveryTicket {
  /** A u32, not 0. */
  readonly sessionId: number;
  /** How long the session can be resumed, in milliseconds, a u32. */
  readonly resumeWindowMs: number;
  /** Operation to go on from, a u64; absent when the ticket has none. */
  readonly resumeFromOperationId?: bigint;
  /** The resume token: when read, a subarray of the ticket; when written, copied. At least one byte. */
  readonly token: Uint8Array;
}

const WHERE = 'RECOVERY_TICKET';
/** NRTK. */
const MAGIC = 0x4b54524e;
const VERSION = 1;
const HAS_OPERATION = 1;
const HEAD_BYTES = 28;
const AT = /* @__PURE__ */ Object.freeze({
  version: 4,
  flags: 6,
  sessionId: 8,
  tokenBytes: 12,
  resumeWindowMs: 16,
  resumeFromOperationId: 20,
});

/**
 * Checks a ticket without throwing.
 *
 * @returns invalid_recovery_ticket with TICKET-1 (cut off), -2 (not NRTK), -3 (version), -4 (flags), -5 (session 0), -6 (no
 *   token) or -7 (another length)
 * @see NNRP/1-preview4 section 11.4
 */
export function checkRecoveryTicket(bytes: Uint8Array): WireFault | undefined {
  const rule = brokenRuleOf(bytes);
  return rule === undefined ? undefined : { kind: 'invalid_recovery_ticket', rule };
}

/** @throws WireError with what {@link checkRecoveryTicket} finds */
export function decodeRecoveryTicket(bytes: Uint8Array): RecoveryTicket {
  const fault = checkRecoveryTicket(bytes);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  const view = viewOf(bytes);
  const hasOperation = (view.getUint16(AT.flags, true) & HAS_OPERATION) !== 0;
  return {
    sessionId: view.getUint32(AT.sessionId, true),
    resumeWindowMs: view.getUint32(AT.resumeWindowMs, true),
    ...(hasOperation ? { resumeFromOperationId: view.getBigUint64(AT.resumeFromOperationId, true) } : {}),
    token: bytes.subarray(HEAD_BYTES),
  };
}

/**
 * @returns new bytes, 28 longer than the token
 * @throws WireError field_out_of_range, or invalid_recovery_ticket for session 0 and for no token
 * @see NNRP/1-preview4 section 11.4
 */
export function encodeRecoveryTicket(ticket: RecoveryTicket): Uint8Array {
  const { sessionId, resumeWindowMs, resumeFromOperationId, token } = ticket;
  const unfit =
    checkUnsignedField('session_id', 'u32', sessionId) ?? checkUnsignedField('resume_window_ms', 'u32', resumeWindowMs);
  if (unfit !== undefined) throw new WireError(unfit, WHERE);
  const operationId = resumeFromOperationId ?? 0n;
  if (typeof operationId !== 'bigint' || BigInt.asUintN(64, operationId) !== operationId) {
    const value = shownValue(operationId);
    throw new WireError({ kind: 'field_out_of_range', field: 'resume_from_operation_id', type: 'u64', value }, WHERE);
  }
  const bytes = new Uint8Array(HEAD_BYTES + token.length);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint16(AT.version, VERSION, true);
  view.setUint16(AT.flags, resumeFromOperationId === undefined ? 0 : HAS_OPERATION, true);
  view.setUint32(AT.sessionId, sessionId, true);
  view.setUint32(AT.tokenBytes, token.length, true);
  view.setUint32(AT.resumeWindowMs, resumeWindowMs, true);
  view.setBigUint64(AT.resumeFromOperationId, operationId, true);
  bytes.set(token, HEAD_BYTES);
  const fault = checkRecoveryTicket(bytes);
  if (fault !== undefined) throw new WireError(fault, WHERE);
  return bytes;
}

function brokenRuleOf(bytes: Uint8Array): string | undefined {
  if (bytes.length < HEAD_BYTES) return 'TICKET-1';
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== MAGIC) return 'TICKET-2';
  if (view.getUint16(AT.version, true) !== VERSION) return 'TICKET-3';
  if ((view.getUint16(AT.flags, true) & ~HAS_OPERATION) !== 0) return 'TICKET-4';
  if (view.getUint32(AT.sessionId, true) === 0) return 'TICKET-5';
  const tokenBytes = view.getUint32(AT.tokenBytes, true);
  if (tokenBytes === 0) return 'TICKET-6';
  return bytes.length === HEAD_BYTES + tokenBytes ? undefined : 'TICKET-7';
}
