import { ignoreRejection } from '../../base/promises/settled.js';
import type { Operation } from './operation.js';

/** What lending a place needs of the session. */
export interface PlacesOwner {
  /** The operation waits because its client wants nothing now, or because there is no room; then again it could go on. */
  suspended(operation: Operation): void;
  /** @returns what to wait for before it goes on; undefined when it may go on at once */
  handlerBack(operation: Operation): Promise<void> | undefined;
}

/** A handler that waits for its client lends its place to others meanwhile, and has one again before it goes on. */
export class LentPlaces {
  constructor(private readonly owner: PlacesOwner) {}

  /**
   * @param wait - for the client, or for room
   * @returns resolves after it, when the handler has a place again
   */
  during(operation: Operation, wait: Promise<void>): Promise<void> {
    if (operation.place === 'none') return wait;
    if (operation.blocked !== undefined && wait === operation.blockedBy) return operation.blocked;
    if (operation.blockedPushes++ === 0) this.owner.suspended(operation);
    operation.blockedBy = wait;
    operation.blocked = ignoreRejection(
      wait.then(
        () => this.placeAgain(operation),
        async (error: unknown) => {
          await this.placeAgain(operation);
          throw error;
        },
      ),
    );
    return operation.blocked;
  }

  private placeAgain(operation: Operation): Promise<void> | undefined {
    if (--operation.blockedPushes > 0) return undefined;
    operation.blockedBy = undefined;
    operation.blocked = undefined;
    return this.owner.handlerBack(operation);
  }
}
