import { IdMap, type UsageError } from 'nnrp-core';
import { ignoreRejection } from '../../base/promises/settled.js';

/** Pushes that wait for room after a result whose body is still the application's, by frame. */
export class UnsureResults {
  private readonly waiting = new IdMap<(error: UsageError) => void>();

  /** Resolves like `drained`; rejects when the body of the result turns out to have changed before that. */
  after(frameId: number, drained: Promise<void>): Promise<void> {
    const { waiting } = this;
    return ignoreRejection(
      new Promise((resolve, reject) => {
        waiting.set(frameId, reject);
        const forget = () => {
          if (waiting.get(frameId) === reject) waiting.delete(frameId);
        };
        drained.then(
          () => {
            forget();
            resolve();
          },
          (error: unknown) => {
            forget();
            reject(error);
          },
        );
      }),
    );
  }

  /** The body of a result of the frame has changed. */
  spoiled(frameId: number, error: UsageError): void {
    this.waiting.get(frameId)?.(error);
    this.waiting.delete(frameId);
  }
}
