import { viewOf } from '../../bytes/view-of.js';
import { UsageError } from '../../errors.js';
import { faultAt } from '../../faults/fault.js';
import { WireError } from '../../faults/wire-error.js';
import { CacheObjectKind, CodecId, LayoutId } from '../../generated/preview3/enums.js';
import { CodecIdName } from '../../generated/preview3/names.js';
import {
  checkTensorSectionDescriptor,
  decodeTensorSectionDescriptor,
  TENSOR_SECTION_DESCRIPTOR_BYTES,
  TENSOR_SECTION_DESCRIPTOR_RULES,
  type TensorSectionDescriptor,
} from '../../generated/preview3/tensor-section-descriptor.js';
import { brokenRule } from '../../rules/broken-rule.js';
import { requireBytes } from '../payload/payload-data.js';
import { type BodyContext, decodeBody } from '../region/body-regions.js';
import type { InlineObject } from '../region/inline-objects.js';
import type { Decode, RegionCheck } from '../region/region-codecs.js';
import {
  type ElementArrays,
  type ElementType,
  elementBytes,
  elementsOf,
  elementTypeOf,
  float32Of,
} from './elements.js';

/** What the metadata of a submit or a result says of its tensors; the decoded metadata is one. */
export type TensorContext = BodyContext & {
  readonly tileCount: number;
  readonly sectionCount: number;
  readonly tileWidth?: number;
  readonly tileHeight?: number;
};

const WHERE = 'TENSOR_SECTION_TABLE';

/** What the revisions have alike in the descriptor of a section. */
export type SectionFields = Omit<TensorSectionDescriptor, 'flags'>;

/** One tensor of a body. */
export class Tensor<D extends SectionFields = TensorSectionDescriptor> {
  constructor(
    /** The descriptor on the wire. */
    readonly descriptor: D,
    /**
     * The tiles in front: `[tiles, elements]`; for images of a submit `[tiles, channels, height, width]`, or with the
     * layout nhwc `[tiles, height, width, channels]`. Width and height come from the metadata, the channels from the count.
     */
    readonly shape: readonly number[],
    /** The elements as they came: a part of the body, not copied, which keeps the memory of the body alive. */
    readonly bytes: Uint8Array,
    /** A codec for each tile, where the section has such a table; not copied. */
    readonly codecTable: Uint8Array,
    /** A u32 length for each tile, where the section has such a table; not copied. */
    readonly lengthTable: Uint8Array,
  ) {}

  get roleId(): number {
    return this.descriptor.roleId;
  }

  /** Type of the elements; undefined for a dtype_id that the protocol does not know. */
  get dtype(): ElementType | undefined {
    return elementTypeOf(this.descriptor.dtypeId);
  }

  /**
   * The elements as a typed array: a view of the body where that is aligned to them, else a copy, see {@link elementsOf}.
   * Scale factors are not applied.
   *
   * @param type - what the caller expects: the array is of its class
   * @throws UsageError when the section has another type, or is not raw
   * @example const pixels: Float32Array = tensor.elements('fp32');
   */
  elements<T extends ElementType>(type: T): ElementArrays[T] {
    if (this.dtype !== type) {
      throw new UsageError(
        `tensor ${this.roleId}: expected ${type}, got ${this.dtype ?? `dtype_id ${this.descriptor.dtypeId}`}`,
      );
    }
    return elementsOf(this.rawBytes(), type);
  }

  /**
   * The values, whatever the type is, see {@link float32Of}.
   * @throws UsageError when the type is not known, or the section is not raw
   */
  float32(): Float32Array {
    const { dtype } = this;
    if (dtype === undefined)
      throw new UsageError(`tensor ${this.roleId}: dtype_id ${this.descriptor.dtypeId} is not known`);
    return float32Of(this.rawBytes(), dtype);
  }

  private rawBytes(): Uint8Array {
    const { codecId, codecTableBytes, payloadStrideBytes } = this.descriptor;
    const names: Readonly<Record<number, string | undefined>> = CodecIdName;
    const why =
      codecTableBytes > 0
        ? 'a codec for each tile'
        : codecId !== CodecId.Raw
          ? `the codec ${names[codecId] ?? codecId}`
          : hasGaps(this.descriptor, bytesPerTile(this.descriptor) ?? 0)
            ? `a tile every ${payloadStrideBytes} bytes`
            : undefined;
    if (why === undefined) return this.bytes;
    throw new UsageError(
      `tensor ${this.roleId}: has ${why}, so it is no plain list of elements: decode its bytes yourself`,
    );
  }
}

/**
 * Decodes the tensors of a region body: the sections of its inline object of the kind tensor_section_table. Camera block
 * and tile index, which may stand beside it, are left to {@link decodeBody}.
 *
 * TENSOR-1 to TENSOR-3 are names of this implementation: a section is cut off; a raw section has not the bytes of its
 * tiles and elements; there are not section_count sections.
 *
 * @param body - the whole body; the tensors are views of it
 * @param metadata - of the message that carried it
 * @throws WireError when the body is no region body or breaks its rules, or TENSOR-1 to TENSOR-3
 * @see NNRP/1-preview3 sections 10.5 and 10.7
 */
export function decodeTensors(body: Uint8Array, metadata: TensorContext): Tensor[] {
  return tensorsOf(PREVIEW3_SECTIONS, decodeBody(requireBytes(body, 'body'), metadata).inlineObjects, metadata);
}

/** The descriptors of sections, and what holds between them and the metadata. */
export interface SectionCodec<D extends SectionFields> extends RegionCheck {
  readonly decode: Decode<D>;
  /**
   * The rule that a well-formed section breaks.
   * @param lengths - its table of lengths
   * @param previousRole - role_id of the section before it in the table; -1 for the first
   */
  judge(descriptor: D, tileCount: number, lengths: Uint8Array, previousRole: number): string | undefined;
}

const PREVIEW3_SECTIONS: SectionCodec<TensorSectionDescriptor> = /* @__PURE__ */ Object.freeze({
  rules: TENSOR_SECTION_DESCRIPTOR_RULES,
  check: checkTensorSectionDescriptor,
  decode: decodeTensorSectionDescriptor,
  judge: (descriptor: TensorSectionDescriptor, tileCount: number) =>
    hasItsBytes(descriptor, tileCount) ? undefined : 'TENSOR-2',
});

/** {@link decodeTensors} of any revision. */
export function tensorsOf<D extends SectionFields>(
  codec: SectionCodec<D>,
  inlineObjects: readonly InlineObject[],
  metadata: TensorContext,
): Tensor<D>[] {
  const tensors: Tensor<D>[] = [];
  for (const { header, payload } of inlineObjects) {
    if (header.objectKind === CacheObjectKind.TensorSectionTable) readSections(codec, payload, metadata, tensors);
  }
  if (tensors.length !== metadata.sectionCount) throw new WireError(brokenRule('TENSOR-3'), WHERE);
  return tensors;
}

function readSections<D extends SectionFields>(
  codec: SectionCodec<D>,
  table: Uint8Array,
  metadata: TensorContext,
  tensors: Tensor<D>[],
): void {
  const view = viewOf(table);
  let previousRole = -1;
  // A body cannot make more of them than its metadata says, however small they are.
  for (let at = 0; at < table.length && tensors.length <= metadata.sectionCount; ) {
    if (table.length - at < TENSOR_SECTION_DESCRIPTOR_BYTES) throw new WireError(brokenRule('TENSOR-1'), WHERE);
    const broken = codec.check(view, at);
    if (broken !== -1) throw new WireError(faultAt(codec.rules, broken, view, at), WHERE);
    const descriptor = codec.decode(view, at);
    const codecs = at + TENSOR_SECTION_DESCRIPTOR_BYTES;
    const lengths = codecs + descriptor.codecTableBytes;
    const payload = lengths + descriptor.lengthTableBytes;
    const end = payload + descriptor.payloadBytes;
    if (end > table.length) throw new WireError(brokenRule('TENSOR-1'), WHERE);
    const rule = codec.judge(descriptor, metadata.tileCount, table.subarray(lengths, payload), previousRole);
    if (rule !== undefined) throw new WireError(brokenRule(rule), WHERE);
    previousRole = descriptor.roleId;
    tensors.push(
      new Tensor(
        descriptor,
        shapeOf(descriptor, metadata),
        table.subarray(payload, end),
        table.subarray(codecs, lengths),
        table.subarray(lengths, payload),
      ),
    );
    at = end + ((8 - (end % 8)) % 8);
  }
}

/** Only of raw elements of a known type, without scale factors and gaps, is the length known. */
function hasItsBytes(descriptor: TensorSectionDescriptor, tileCount: number): boolean {
  const { codecId, codecTableBytes, lengthTableBytes, scalePolicy, payloadBytes } = descriptor;
  const tileBytes = bytesPerTile(descriptor);
  const isKnown = codecId === CodecId.Raw && codecTableBytes === 0 && lengthTableBytes === 0 && scalePolicy === 0;
  if (!isKnown || tileBytes === undefined || hasGaps(descriptor, tileBytes)) return true;
  return payloadBytes === tileCount * tileBytes;
}

function bytesPerTile({ dtypeId, elementCountPerTile }: SectionFields): number | undefined {
  const type = elementTypeOf(dtypeId);
  return type === undefined ? undefined : elementCountPerTile * elementBytes(type);
}

function hasGaps({ payloadStrideBytes }: SectionFields, tileBytes: number): boolean {
  return payloadStrideBytes > tileBytes;
}

function shapeOf({ elementCountPerTile, layoutId }: SectionFields, metadata: TensorContext): number[] {
  const { tileCount, tileWidth = 0, tileHeight = 0 } = metadata;
  const pixels = tileWidth * tileHeight;
  if (pixels === 0 || elementCountPerTile === 0 || elementCountPerTile % pixels !== 0) {
    return [tileCount, elementCountPerTile];
  }
  const channels = elementCountPerTile / pixels;
  return layoutId === LayoutId.Nhwc
    ? [tileCount, tileHeight, tileWidth, channels]
    : [tileCount, channels, tileHeight, tileWidth];
}
