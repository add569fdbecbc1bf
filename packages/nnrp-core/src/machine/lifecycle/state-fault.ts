import { describeRule } from '../../faults/rule-text.js';
import type { ConnectionState, SessionState } from './lifecycle-state.js';

/**
 * Why a message does not fit the state of its connection or session, as data.
 *
 * `session_not_closing` is a kind of this implementation: an answer to a close that was not asked for, or that
 * contradicts an earlier one. `invalid_combination` names LIFE-1, LIFE-2, LIFE-4 or LIFE-6.
 *
 * @see NNRP/1-preview3 section 15.1 (state kinds) and section 15.2
 */
export type StateFault =
  | { readonly kind: 'connection_not_open'; readonly state: ConnectionState }
  | { readonly kind: 'connection_already_closed' }
  | { readonly kind: 'session_already_exists'; readonly sessionId: number }
  | { readonly kind: 'unknown_session'; readonly sessionId: number }
  | { readonly kind: 'session_not_open'; readonly sessionId: number; readonly state: SessionState }
  | { readonly kind: 'session_not_closing'; readonly sessionId: number; readonly state: SessionState }
  | { readonly kind: 'invalid_combination'; readonly rule: string };

/** One sentence on the fault. */
export function describeStateFault(fault: StateFault): string {
  switch (fault.kind) {
    case 'connection_not_open':
      return `the connection is ${fault.state}`;
    case 'connection_already_closed':
      return 'the connection is closed already';
    case 'session_already_exists':
      return `session ${fault.sessionId} exists already`;
    case 'unknown_session':
      return `session ${fault.sessionId} is not known`;
    case 'session_not_open':
      return `session ${fault.sessionId} is ${fault.state}, not open`;
    case 'session_not_closing':
      return `session ${fault.sessionId} is ${fault.state}: no such answer to a close is due`;
    case 'invalid_combination':
      return describeRule(fault.rule);
  }
}
