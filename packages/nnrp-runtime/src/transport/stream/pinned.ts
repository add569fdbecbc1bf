import { markAsUntransferable } from '../../platform/platform.js';

/** Node.js says only since version 21 what is marked. */
const pinned = new WeakSet<object>();

/** From now on the memory cannot be transferred to another thread, which could free it. */
export function pin(buffer: object): void {
  markAsUntransferable(buffer);
}

/** The same for memory that may be sent on from where it is; `isPinned` knows it. */
export function pinForSending(buffer: object): void {
  markAsUntransferable(buffer);
  pinned.add(buffer);
}

export function isPinned(buffer: object): boolean {
  return pinned.has(buffer);
}
