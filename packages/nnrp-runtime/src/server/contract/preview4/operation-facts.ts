import type * as preview4 from 'nnrp-core/preview4';
import type { ControlInit } from '../../../connection/controls/control-messages.js';

/** How far an operation is; what is left out is not known. Its sequence is counted by the runtime. */
export type ProgressInit = Omit<ControlInit<preview4.Progress>, 'operationId' | 'bodyBytes' | 'progressSequence'>;

/** What PRIORITY_UPDATE has said last. */
export type OperationPriority = Pick<preview4.Scheduling, 'priorityClass' | 'priorityDelta'>;

/** What BUDGET_UPDATE has left of a budget. */
export type OperationBudget = Omit<preview4.Budget, 'operationId' | 'flags'>;
