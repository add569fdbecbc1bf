import { ScopeKind } from '../generated/preview3/enums.js';
import { FlowFlags } from '../generated/preview3/flags.js';
import { FLOW_UPDATE_OFFSETS as AT } from '../generated/preview3/flow-update.js';

/**
 * Checks a FLOW_UPDATE against its header: the rule of its scope (FLOW-2 connection, FLOW-3 session, FLOW-4 operation),
 * then FLOW-5. Allocates nothing.
 *
 * @param sessionId - session_id of the header
 * @param view - bytes that hold the metadata, which the generated check of the structure has accepted
 * @param start - where the metadata starts, in bytes
 * @returns the name of the broken rule
 * @see NNRP/1-preview3 section 15.2
 */
export function checkFlowUpdateScope(sessionId: number, view: DataView, start: number): string | undefined {
  const hasOperationId =
    view.getUint32(start + AT.operationId, true) !== 0 || view.getUint32(start + AT.operationId + 4, true) !== 0;
  switch (view.getUint8(start + AT.scopeKind)) {
    case ScopeKind.Connection:
      if (sessionId !== 0 || hasOperationId || hasCredit(view, start + AT.sessionCredit)) return 'FLOW-2';
      if (hasCredit(view, start + AT.operationCredit)) return 'FLOW-2';
      break;
    case ScopeKind.Session:
      if (sessionId === 0 || hasOperationId || hasCredit(view, start + AT.connectionCredit)) return 'FLOW-3';
      if (hasCredit(view, start + AT.operationCredit)) return 'FLOW-3';
      break;
    case ScopeKind.Operation:
      if (sessionId === 0 || !hasOperationId) return 'FLOW-4';
      break;
  }
  const retryAfterMs = view.getUint32(start + AT.retryAfterMs, true);
  const flags = view.getUint32(start + AT.flowFlags, true);
  if (retryAfterMs !== 0 && (flags & FlowFlags.RetryAfterValid) === 0) return 'FLOW-5';
  return undefined;
}

function hasCredit(view: DataView, at: number): boolean {
  return view.getUint16(at, true) !== 0;
}
