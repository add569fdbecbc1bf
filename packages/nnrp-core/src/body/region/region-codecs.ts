import type { WireRule } from '../../faults/fault.js';
import type { BodyRegionPrelude } from '../../generated/preview3/body-region-prelude.js';

/*
 * What differs between the revisions inside region bodies. The order of the regions, and what stands where in prelude and
 * descriptors up to here, is the same in all of them. Checking, reading and writing are apart, so that a program that only
 * reads carries no writing.
 */

/** How one structure is checked. */
export interface RegionCheck {
  readonly rules: readonly WireRule[];
  check(view: DataView, start?: number): number;
}

/** How references are checked, whose length is not the same in all revisions. */
export interface ReferenceCheck extends RegionCheck {
  /** Length in bytes. */
  readonly bytes: number;
}

/** Reads a structure that has been checked. */
export type Decode<T> = (view: DataView, start?: number) => T;

/** Writes a structure. @throws WireError */
export type Encode<T> = (value: T, view: DataView, start?: number) => number;

/** A descriptor of a typed payload, as far as its place goes. */
export interface PlacedDescriptor {
  readonly offset: number;
  readonly length: number;
}

/** The descriptors of typed payloads, and their rules that need more than one descriptor. */
export interface TypedPayloadCheck extends RegionCheck {
  /** The rule that a well-formed descriptor breaks by the kinds that the metadata names, such as TPR-3. */
  judge(view: DataView, start: number, payloadKindBitmap: number): string | undefined;
  /** The kind that a descriptor names; absent where descriptors name none. */
  kindAt?(view: DataView, start: number): number;
}

/** How the parts of a region body are checked. */
export interface BodyChecks {
  readonly prelude: RegionCheck;
  readonly objectReferences: ReferenceCheck;
  readonly typedPayloads: TypedPayloadCheck;
}

/** How they are read. A tuple, because names of properties stay long in bundles. */
export type BodyDecoders<B, D extends PlacedDescriptor> = readonly [
  prelude: Decode<BodyRegionPrelude>,
  reference: Decode<B>,
  payload: Decode<D>,
];

/** How they are written. */
export type BodyEncoders<B, D extends PlacedDescriptor> = readonly [
  prelude: Encode<BodyRegionPrelude>,
  reference: Encode<B>,
  payload: Encode<D>,
];
