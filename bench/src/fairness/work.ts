/* What the server is asked to do, by the first byte of a submit. */

/** A timer of WORK_MS, then an empty result. */
export const TIMED = 0;
/** A stream of PART_BYTES each, made as fast as it is taken. */
export const STREAM = 1;

export const WORK_MS = 20;
export const PART_BYTES = 16 * 1024;
export const PARTS = 4096;
