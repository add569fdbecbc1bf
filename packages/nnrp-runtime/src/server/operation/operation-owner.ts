import type { DeadlineError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { DropOptions } from '../contract/preview4/drop-options.js';
import type { ProgressInit } from '../contract/preview4/operation-facts.js';
import type { ResultValue } from '../contract/server-messages.js';
import type { FrameFailure } from '../failures/frame-failure.js';

/** What an operation needs of those that it is one of. */
export interface OperationOwner<Operation> {
  readonly results: {
    push(operation: Operation, partial: ResultValue): Promise<void>;
    complete(operation: Operation, result: ResultValue): Promise<void>;
  };
  /** @throws UsageError when the options say what this revision cannot */
  drop(operation: Operation, options?: DropOptions): Promise<void>;
  /** @throws UsageError when this revision has no such message */
  progress(operation: Operation, progress: ProgressInit): boolean;
  /** @throws UsageError when the state does not lead there, or the operation is over */
  enter(operation: Operation, state: preview3.OperationState): void;
  /** @throws UsageError when the relationship cannot be */
  relate(operation: Operation, parentFrameId: number | undefined, groupId: number | undefined): void;
  /** The work is in the application's hands. */
  started(operation: Operation): void;
  /** Dropped for another reason than that the application says so. */
  fail(operation: Operation, failure: FrameFailure): void;
  /** The time for its work is over. */
  expire(operation: Operation, reason: DeadlineError): void;
  /** A listener of the operation's signal has failed. */
  listenerFailed(operation: Operation, error: unknown): void;
  crashed(error: unknown): void;
}
