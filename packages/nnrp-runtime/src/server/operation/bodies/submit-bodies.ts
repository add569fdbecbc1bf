import type { WireFault } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';

/** How the metadata and the regions of a submit are read in one revision. The fields that both have are the same. */
export interface SubmitBodies {
  /** Whether cache keys have two u64, and not two u32. */
  readonly hasWideKeys: boolean;
  readonly decodeFrameSubmit: (view: DataView, start: number) => preview3.FrameSubmit;
  readonly checkBody: (body: Uint8Array, metadata: preview3.FrameSubmit) => WireFault | undefined;
  readonly decodeBody: (body: Uint8Array, metadata: preview3.FrameSubmit) => preview3.BodyRegions;
}

export const PREVIEW3_BODIES: SubmitBodies = {
  hasWideKeys: false,
  decodeFrameSubmit: preview3.decodeFrameSubmit,
  checkBody: preview3.checkBody,
  decodeBody: preview3.decodeBody,
};

/** Keys of references are bigints. */
export const PREVIEW4_BODIES: SubmitBodies = {
  hasWideKeys: true,
  decodeFrameSubmit: preview4.decodeFrameSubmit,
  checkBody: preview4.checkBody,
  decodeBody: preview4.decodeBody as unknown as SubmitBodies['decodeBody'],
};
