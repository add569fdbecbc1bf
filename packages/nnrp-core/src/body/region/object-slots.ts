import { CacheObjectKind, type SubmitMode } from '../../generated/preview3/enums.js';

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

/**
 * The slot of an object kind, which is also its bit number in object_ref_mask: camera block 0, tile index 1, tensor
 * section table 2, payload layout template 3.
 *
 * @returns -1 for a kind without a slot, and for everything that is no kind
 * @see NNRP/1-preview3 section 10.3
 */
export function slotOf(objectKind: number): number {
  switch (objectKind) {
    case CacheObjectKind.CameraBlock:
      return 0;
    case CacheObjectKind.TileIndexBlock:
      return 1;
    case CacheObjectKind.TensorSectionTable:
      return 2;
    case CacheObjectKind.PayloadLayoutTemplate:
      return 3;
    default:
      return -1;
  }
}
