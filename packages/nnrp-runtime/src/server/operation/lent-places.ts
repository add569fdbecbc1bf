import { ignoreRejection } from '../../base/promises/settled.js';
import type { Operation } from './operation.js';

/** What lending a place needs of the session. */
export interface PlacesOwner {
  /** The operation waits because its client wants nothing now, or because there is no room; then again it could go on. */
  suspended(operation: Operation): void;
  /** @returns what to wait for before it goes on; undefined when it may go on at once */
  handlerBack(operation: Operation): Promise<void> | undefined;
}

/** A handler that waits, and what lets it go on. */
interface Waiting {
  readonly operation: Operation;
  readonly promise: Promise<void>;
  resolve(value?: PromiseLike<void>): void;
}

/**
 * Handlers that wait for the same. Each has a promise of its own, since each waits for a place after it; that they share the
 * rest halves what each of them holds.
 */
class Together {
  readonly handlers: Waiting[] = [];

  constructor(readonly wait: Promise<void>) {}
}

/** A handler that waits for its client lends its place to others meanwhile, and has one again before it goes on. */
export class LentPlaces {
  private latest: Together | undefined;

  constructor(private readonly owner: PlacesOwner) {}

  /**
   * @param wait - for the client, or for room
   * @returns resolves after it, when the handler has a place again
   */
  during(operation: Operation, wait: Promise<void>): Promise<void> {
    if (operation.place === 'none') return wait;
    if (operation.blocked !== undefined && wait === operation.blockedBy) return operation.blocked;
    if (operation.blockedPushes++ === 0) this.owner.suspended(operation);
    let resolve: Waiting['resolve'] = () => {};
    const promise = new Promise<void>((yes) => {
      resolve = yes;
    });
    operation.blockedBy = wait;
    operation.blocked = promise;
    this.allThatWaitFor(wait).handlers.push({ operation, promise, resolve });
    return promise;
  }

  private allThatWaitFor(wait: Promise<void>): Together {
    if (this.latest?.wait === wait) return this.latest;
    const together = new Together(wait);
    this.latest = together;
    wait.then(
      () => this.goOn(together, () => undefined),
      (error: unknown) => this.goOn(together, () => ignoreRejection(Promise.reject(error))),
    );
    return together;
  }

  private goOn(together: Together, outcome: () => Promise<void> | undefined): void {
    if (this.latest === together) this.latest = undefined;
    for (const { operation, promise, resolve } of together.handlers) {
      // A handler that awaits none of its pushes must not get an unhandledRejection when the connection ends.
      ignoreRejection(promise);
      try {
        const place = this.placeAgain(operation);
        resolve(place === undefined ? outcome() : place.then(outcome));
      } catch (error) {
        // The application has frozen it.
        resolve(Promise.reject(error));
      }
    }
  }

  private placeAgain(operation: Operation): Promise<void> | undefined {
    if (--operation.blockedPushes > 0) return undefined;
    operation.blockedBy = undefined;
    operation.blocked = undefined;
    return this.owner.handlerBack(operation);
  }
}
