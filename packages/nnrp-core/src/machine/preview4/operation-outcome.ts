import type { OperationState } from '../../generated/preview3/enums.js';

/**
 * Why something cannot be done to an operation, as data: OP-1 to OP-8 are relationships, SCHED-3 is a message that schedules
 * nothing.
 *
 * @see NNRP/1-preview4 section 15.1
 */
export type ConnectionOperationFault =
  | { readonly kind: 'invalid_operation_relationship'; readonly rule: string }
  | { readonly kind: 'operation_already_exists'; readonly operationId: bigint }
  | { readonly kind: 'unknown_operation'; readonly operationId: bigint }
  | { readonly kind: 'invalid_operation_transition'; readonly from: OperationState; readonly to: OperationState }
  | { readonly kind: 'invalid_combination'; readonly rule: string };

/** What PRIORITY_UPDATE, DEADLINE and EXPIRE_AT have said of an operation; all 0 before the first. */
export interface OperationSchedule {
  readonly priorityClass: number;
  /** Signed. */
  readonly priorityDelta: number;
  /** Milliseconds since 1970, 0 for none. */
  readonly deadlineUnixMs: bigint;
  /** Milliseconds since 1970, 0 for none. */
  readonly expireAtUnixMs: bigint;
  /** The control_sequence of the newest update. */
  readonly updateSequence: bigint;
  /** Of the newest EXPIRE_AT; bits: SchedulingFlags. */
  readonly flags: number;
}

/** An operation as the registry shows it: a copy. */
export interface ConnectionOperation {
  readonly operationId: bigint;
  readonly sessionId: number;
  readonly parentOperationId: bigint | undefined;
  readonly operationGroupId: bigint | undefined;
  readonly state: OperationState;
  readonly schedule: OperationSchedule;
}

/** An operation to be taken in. */
export interface OperationInit {
  readonly operationId: bigint;
  readonly sessionId: number;
  readonly parentOperationId?: bigint | undefined;
  readonly operationGroupId?: bigint | undefined;
}
