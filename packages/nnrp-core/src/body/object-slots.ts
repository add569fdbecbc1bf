import type { SubmitMode } from '../generated/preview3/enums.js';

/**
 * What FRAME_SUBMIT says about the objects of its body; a decoded FRAME_SUBMIT is one.
 * @see NNRP/1-preview3 section 10.3
 */
export interface SubmitObjects {
  /** Whether the slots are in the body, in the cache or in both. */
  readonly submitMode: SubmitMode;
  /** Slots that are referenced; bits: {@link ObjectRefFlags}. */
  readonly objectRefMask: number;
}

/** Slot of each object kind, indexed by kind; the kinds 1, 2, 3 and 6 have one. */
const SLOTS: readonly number[] = /* @__PURE__ */ Object.freeze([-1, 0, 1, 2, -1, -1, 3]);

/**
 * The slot of an object kind, which is also its bit number in object_ref_mask: camera block 0, tile index 1, tensor
 * section table 2, payload layout template 3.
 *
 * @returns -1 for a kind without a slot
 * @see NNRP/1-preview3 section 10.3
 */
export function slotOf(objectKind: number): number {
  return SLOTS[objectKind] ?? -1;
}
