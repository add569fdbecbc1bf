import type { WireFault } from '../../faults/fault.js';

/**
 * Items that one region of a body holds at most. The 16-bit payload_frame_count gives this bound to typed payloads; the
 * protocol gives none to inline objects, object references and extension frames, whose items can be empty, so that a
 * body of 16 MiB would become a million objects. This implementation bounds them alike, when it reads and when it writes.
 */
export const MAX_REGION_ITEMS = 0xffff;

/**
 * Whether a region has too many items.
 *
 * @param count - the items; where they have no fixed size, those counted so far are enough
 */
export function checkItemCount(count: number): WireFault | undefined {
  return count > MAX_REGION_ITEMS ? { kind: 'too_many_items', limit: MAX_REGION_ITEMS, actual: count } : undefined;
}
