import { randomFillSync } from 'node:crypto';
import { MASK_BYTES } from '../frames/frame-header.js';

/** So many at once: to ask the system for four bytes costs as much as to ask it for thousands. */
const POOL_BYTES = 8192;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** A mask that no page and no proxy can foresee. @see RFC 6455 section 10.3 */
export function fillMask(mask: Uint8Array): void {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  for (let index = 0; index < MASK_BYTES; index++) mask[index] = pool[used + index] as number;
  used += MASK_BYTES;
}
