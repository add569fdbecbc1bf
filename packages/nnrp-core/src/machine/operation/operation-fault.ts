import type { OperationState } from '../../generated/preview3/enums.js';
import { OperationStateName } from '../../generated/preview3/names.js';

/**
 * Why something cannot be done to an operation, as data. `rule` says in words which relationship is wrong.
 *
 * @see NNRP/1-preview3 section 15.1 (state kinds)
 */
export type OperationFault =
  | { readonly kind: 'invalid_operation_relationship'; readonly rule: string }
  | { readonly kind: 'operation_already_exists'; readonly operationId: number }
  | { readonly kind: 'unknown_operation'; readonly operationId: number }
  | {
      readonly kind: 'invalid_operation_transition';
      readonly from: OperationState;
      readonly to: OperationState;
    };

/** One sentence on the fault. */
export function describeOperationFault(fault: OperationFault): string {
  switch (fault.kind) {
    case 'invalid_operation_relationship':
      return fault.rule;
    case 'operation_already_exists':
      return `operation ${fault.operationId} was used before`;
    case 'unknown_operation':
      return `operation ${fault.operationId} is not known`;
    case 'invalid_operation_transition':
      return `an operation cannot go from ${stateName(fault.from)} to ${stateName(fault.to)}`;
  }
}

function stateName(state: OperationState): string {
  return OperationStateName[state] ?? String(state);
}
