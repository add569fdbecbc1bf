/** Smallest buffer for a packet that spans chunks. */
const MIN_CAPACITY = 4096;
/**
 * How far the buffer of a packet that spans chunks may run ahead of what has arrived. A peer that announces 64 MiB and
 * sends 100 bytes costs 4 KiB.
 */
const GROWTH = 8;
/** A peer that has sent this much of a packet gets room for a megabyte more, so that an honest one is copied once (measured). */
const EARNEST_BYTES = 48 * 1024;
const EARNEST_ROOM = 1024 * 1024;

/** How large the buffer of a packet is when so much of it has come. */
export function capacityFor(filled: number, needed: number): number {
  const earned = filled < EARNEST_BYTES ? 0 : filled + EARNEST_ROOM;
  return Math.min(needed, Math.max(MIN_CAPACITY, filled * GROWTH, earned));
}
