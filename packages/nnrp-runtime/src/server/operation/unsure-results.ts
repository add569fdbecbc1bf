import { IdMap, type UsageError } from 'nnrp-core';
import { unheard } from '../../base/promises/settled.js';

/** Pushes that wait for room after a result whose body still belongs to the application, by frame. */
export class UnsureResults {
  private waiting: IdMap<(error: UsageError) => void> | undefined;

  /** Resolves like `drained`; rejects when the body of the result turns out to have changed before that. */
  after(frameId: number, drained: Promise<void>): Promise<void> {
    this.waiting ??= new IdMap();
    const { waiting } = this;
    return unheard(
      new Promise((resolve, reject) => {
        waiting.set(frameId, reject);
        const over = () => {
          if (waiting.get(frameId) === reject) waiting.delete(frameId);
        };
        drained.then(
          () => {
            over();
            resolve();
          },
          (error: unknown) => {
            over();
            reject(error);
          },
        );
      }),
    );
  }

  /** The body of a result of the frame has changed. */
  spoiled(frameId: number, error: UsageError): void {
    this.waiting?.get(frameId)?.(error);
    this.waiting?.delete(frameId);
  }
}
