import type { NnrpError } from 'nnrp-core';
import type { CancelOptions } from '../controls/cancel-options.js';
import type { NnrpResult } from './nnrp-result.js';

/** What an operation needs of its session. */
export interface OperationOwner<Operation> {
  /** A partial result waits to be read. */
  buffered(result: NnrpResult, bytes: number, operation: Operation): void;
  /** Results have been read or thrown away, or are the application's own now: they no longer wait. */
  consumed(bytes: number, operation: Operation): void;
  /** Tells the server that the operation is given up. */
  cancelled(operation: Operation, error: NnrpError, options?: CancelOptions): void;
  /** No answer has come in time. */
  expired(operation: Operation, lateMs: number): void;
  crashed(error: unknown): void;
}
