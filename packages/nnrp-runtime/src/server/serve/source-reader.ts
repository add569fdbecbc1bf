import { types } from 'node:util';
import { crash, guard } from '../../base/guard.js';
import { leave } from '../../base/leave.js';
import { SETTLED } from '../../base/promises/settled.js';
import { ignoreRejectionsWithin } from '../../base/thenable.js';
import { currentContext } from '../../platform/platform.js';
import type { ResultValue } from '../contract/server-messages.js';
import type { Operation } from '../operation/operation.js';
import { checkStep, type OpenSource, type Step } from './result-source.js';
import type { LastResult } from './serve-handlers.js';

const { then } = Promise.prototype as {
  then(this: unknown, taken: (step: Step) => void, failed: (error: unknown) => void): void;
};

/** What the end of a source is told to. */
export interface SourceReaderOwner {
  /** The source is done: what it returned is the last result. */
  settle(operation: Operation, result: LastResult): void;
  fail(operation: Operation, error: unknown): void;
  /** It was left, since its operation is over, and has failed to clean up. */
  notLeft(operation: Operation, error: unknown): void;
  /** The handler is done, however it has ended. */
  finished(operation: Operation): void;
}

/**
 * Reads the results that a handler makes, and sends each. No async function: a step of one takes a context and two functions
 * for its `await`, where the same two functions serve for all steps here.
 */
export class SourceReader {
  /** Else the application has made it by hand: it runs in the context of its caller, also when it is left early. */
  private readonly isGenerator: boolean;
  private hasBegun = false;
  /** The code of the source runs right now, so that a generator cannot be left, and says so. It sees its signal. */
  private isRunning = false;
  private isLeft = false;

  constructor(
    private readonly operation: Operation,
    private readonly source: OpenSource,
    private readonly owner: SourceReaderOwner,
  ) {
    this.isGenerator = types.isGeneratorObject(source);
  }

  begin(): void {
    const { operation } = this;
    operation.work = this;
    // A promise of it may have been kept too late.
    if (operation.isOver) this.leave();
    this.read();
  }

  /** For the operation, which is over. Iterators that are made by hand may count on it that they are left once. */
  leave(): void {
    const { operation, source, owner } = this;
    if (this.isLeft || this.isRunning) return;
    this.isLeft = true;
    leave(source, (error) => guard(operation, () => owner.notLeft(operation, error)));
  }

  private readonly read = (): void => {
    // A generator goes on once it has cleaned up; others may wait for ever, for what they have let go.
    if (this.isLeft && !this.isGenerator) {
      this.finish();
      return;
    }
    try {
      this.isRunning = true;
      const next = this.source.next();
      this.isRunning = false;
      if (!this.isGenerator && !this.hasBegun) this.operation.context = currentContext();
      this.hasBegun = true;
      // It may have ended its operation by itself.
      if (this.operation.abortReason !== undefined) this.leave();
      // As `await` does it: a `then` that the promise has of its own could call back twice, or never.
      then.call(Promise.resolve(next), this.taken, this.failed);
    } catch (error) {
      this.isRunning = false;
      this.failed(error);
    }
  };

  private readonly taken = (step: Step): void => {
    const { operation, owner } = this;
    try {
      checkStep(step);
      if (operation.isOver) {
        ignoreRejectionsWithin(step.value);
        this.leave();
      } else if (step.done) {
        owner.settle(operation, step.value);
      } else {
        this.send(step.value);
        return;
      }
    } catch (error) {
      this.failed(error);
      return;
    }
    this.finish();
  };

  private readonly failed = (error: unknown): void => {
    if (!this.isLeft) leave(this.source);
    guard(this.operation, () => this.owner.fail(this.operation, error));
    this.finish();
  };

  private send(value: ResultValue): void {
    const { operation } = this;
    const sent = operation.push(value);
    if (sent === SETTLED) {
      this.read();
      return;
    }
    // While it waits at its yield, it may be left from anywhere.
    operation.context = currentContext();
    sent.then(this.read, this.failed);
  }

  private finish(): void {
    try {
      this.owner.finished(this.operation);
    } catch (error) {
      crash(this.operation, error);
    }
  }
}
