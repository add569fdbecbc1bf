import { isUnsigned } from '../../bytes/unsigned-field.js';
import { viewOf } from '../../bytes/view-of.js';
import { UsageError } from '../../errors.js';
import { BODY_REGION_PRELUDE_BYTES, encodeBodyRegionPrelude } from '../../generated/preview3/body-region-prelude.js';
import { CacheObjectKind, CodecId, LayoutId, ProfileId, ScalePolicy } from '../../generated/preview3/enums.js';
import { PayloadKindFlags } from '../../generated/preview3/flags.js';
import type { FrameSubmit } from '../../generated/preview3/frame-submit.js';
import {
  encodeInlineObjectBlockHeader,
  INLINE_OBJECT_BLOCK_HEADER_BYTES,
} from '../../generated/preview3/inline-object-block-header.js';
import type { LayoutIdName } from '../../generated/preview3/names.js';
import type { ResultPush } from '../../generated/preview3/result-push.js';
import {
  encodeTensorSectionDescriptor,
  TENSOR_SECTION_DESCRIPTOR_BYTES,
} from '../../generated/preview3/tensor-section-descriptor.js';
import { shownValue, shownWord } from '../../text/shown-value.js';
import { type BodyChunks, packedChunks, requireBytes } from '../payload/payload-data.js';
import { dtypeIdOf, type ElementType, elementBytes, typeOfArray } from './elements.js';

/** One tensor to be sent: a section of the body. */
export interface TensorInput {
  /** The elements, little-endian and without gaps. */
  readonly data: ArrayBufferView;
  /**
   * `[elements]`, `[tiles, elements]`, an image `[channels, height, width]` or several `[tiles, channels, height, width]`;
   * with the layout nhwc the channels stand last. All sections of a body have the same number of tiles.
   */
  readonly shape: readonly number[];
  /** Type of the elements; default that of the typed array. A Uint8Array may hold any type, a Uint16Array fp16. */
  readonly dtype?: ElementType | undefined;
  /** Order of the dimensions; default nchw. */
  readonly layout?: LayoutIdName | undefined;
  /** What the section is for, a u16 that the two sides agree on; default its place in the list. */
  readonly roleId?: number | undefined;
}

/** What FRAME_SUBMIT says of its tensors. */
export type TensorSubmitMetadata = Pick<
  FrameSubmit,
  | 'payloadKindBitmap'
  | 'payloadFrameCount'
  | 'sectionCount'
  | 'tileCount'
  | 'tileWidth'
  | 'tileHeight'
  | 'srcWidth'
  | 'srcHeight'
>;

/** What RESULT_PUSH says of its tensors. */
export type TensorResultMetadata = Pick<
  ResultPush,
  'payloadKindBitmap' | 'payloadFrameCount' | 'sectionCount' | 'tileCount' | 'coveredTileCount' | 'activeProfileId'
>;

/** A body of tensors and what the metadata must say of it. */
export interface EncodedTensors<Metadata> {
  readonly body: BodyChunks;
  readonly metadata: Metadata;
}

/** A tensor as its section has it. */
export interface Section {
  readonly type: ElementType;
  readonly bytes: Uint8Array;
  readonly layoutId: LayoutId;
  readonly roleId: number;
  readonly tiles: number;
  readonly elementsPerTile: number;
  /** 0 for what is no image. */
  readonly width: number;
  readonly height: number;
}

const OPTIONS: readonly string[] = ['data', 'shape', 'dtype', 'layout', 'roleId'];

/**
 * Encodes tensors as the body of a submit: an inline object of the kind tensor_section_table, in which each tensor is a
 * section with its descriptor.
 *
 * The wire has counts and no dimensions: tiles, elements of a tile, and for images width and height. The channels follow
 * from these, and the rank is lost: {@link decodeTensors} puts the tiles first, also where there is one.
 *
 * @returns the body in chunks, of which those over 4096 bytes are the memory of `data`, not copied: it must not change
 *   before it is sent. The session should have the tensor profile.
 * @throws UsageError for a shape that is not that of the data, for what the protocol has no type or no room for, and for
 *   sections that do not fit together
 * @example
 * const { body, metadata } = encodeTensorSubmit({ data: new Float32Array(3 * 224 * 224), shape: [3, 224, 224] });
 * @see NNRP/1-preview3 sections 10.5 and 10.7
 */
export function encodeTensorSubmit(
  tensors: TensorInput | readonly TensorInput[],
): EncodedTensors<TensorSubmitMetadata> {
  const sections = sectionsOf(tensors);
  return { body: bodyOf(sections), metadata: submitMetadataOf(sections) };
}

export function submitMetadataOf(sections: readonly Section[]): TensorSubmitMetadata {
  const { width = 0, height = 0 } = sections.find((section) => section.width > 0) ?? {};
  const size = { tileWidth: width, tileHeight: height, srcWidth: width, srcHeight: height };
  return { ...countsOf(sections), ...size };
}

/**
 * Encodes tensors as the body of a result, in the form of {@link encodeTensorSubmit}. RESULT_PUSH has no width and height,
 * so the other side gets elements of tiles and has to know the shape.
 *
 * @throws UsageError as encodeTensorSubmit does
 * @example return encodeTensorResult({ data: logits, shape: [1000] });
 */
export function encodeTensorResult(
  tensors: TensorInput | readonly TensorInput[],
): EncodedTensors<TensorResultMetadata> {
  const sections = sectionsOf(tensors);
  return { body: bodyOf(sections), metadata: resultMetadataOf(sections) };
}

export function resultMetadataOf(sections: readonly Section[]): TensorResultMetadata {
  const counts = countsOf(sections);
  return { ...counts, coveredTileCount: counts.tileCount, activeProfileId: ProfileId.Tensor };
}

function countsOf(sections: readonly Section[]) {
  return {
    payloadKindBitmap: PayloadKindFlags.Tensor,
    payloadFrameCount: 0,
    sectionCount: sections.length,
    tileCount: sections[0]?.tiles ?? 0,
  };
}

/** @throws UsageError for sections that do not fit their data, or each other */
export function sectionsOf(tensors: TensorInput | readonly TensorInput[]): Section[] {
  const list: readonly TensorInput[] = Array.isArray(tensors) ? tensors : [tensors as TensorInput];
  if (list.length === 0 || list.length > 0xffff) {
    throw new UsageError(`tensors: expected 1 to 65535 of them, got ${list.length}`);
  }
  const sections = list.map((tensor, index) => sectionOf(tensor, index));
  const [first] = sections;
  const image = sections.find(({ width }) => width > 0);
  for (const [index, section] of sections.entries()) {
    const before = sections[index - 1];
    if (before !== undefined && section.roleId <= before.roleId) {
      throw new UsageError(
        `tensor ${index}: roleId must be higher than ${before.roleId} before it, got ${section.roleId}`,
      );
    }
    if (section.tiles !== first?.tiles) {
      throw new UsageError(
        `tensor ${index}: has ${section.tiles} tiles, and the first has ${first?.tiles}: a body has one count`,
      );
    }
    if (section.width > 0 && (section.width !== image?.width || section.height !== image.height)) {
      throw new UsageError(
        `tensor ${index}: is ${section.width} x ${section.height}, and another is ${image?.width} x ${image?.height}; ` +
          'a body has one size of tiles, so give the shape of one as [tiles, elements]',
      );
    }
  }
  return sections;
}

function sectionOf(tensor: TensorInput, index: number): Section {
  const what = `tensor ${index}`;
  if (typeof tensor !== 'object' || tensor === null || ArrayBuffer.isView(tensor)) {
    throw new UsageError(`${what}: expected { data, shape }, got ${shownValue(tensor)}`);
  }
  const unknown = Object.keys(tensor).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw new UsageError(`${what}: there is no option ${shownWord(unknown)}`);
  const { data, shape, dtype, layout = 'nchw', roleId = index } = tensor;
  if (!ArrayBuffer.isView(data)) throw new UsageError(`${what}: data takes a typed array, got ${shownValue(data)}`);
  if (layout !== 'nchw' && layout !== 'nhwc') {
    throw new UsageError(`${what}: layout takes nchw or nhwc, got ${shownWord(layout)}`);
  }
  if (!isUnsigned(roleId, 0xffff)) throw new UsageError(`${what}: roleId takes a u16, got ${shownValue(roleId)}`);
  const type = typeOfArray(data, dtype, `${what}: data`);
  const bytes = requireBytes(data, `${what}: data`);
  const dimensions = dimensionsOf(shape, layout, what);
  const expected = dimensions.tiles * dimensions.elementsPerTile * elementBytes(type);
  if (bytes.length !== expected) {
    throw new UsageError(
      `${what}: the shape ${shownValue(shape)} of ${type} takes ${expected} bytes, and data has ${bytes.length}`,
    );
  }
  return { ...dimensions, type, bytes, roleId, layoutId: layout === 'nchw' ? LayoutId.Nchw : LayoutId.Nhwc };
}

function dimensionsOf(shape: unknown, layout: LayoutIdName, what: string) {
  const list = Array.isArray(shape) ? (shape as unknown[]) : [];
  if (list.length < 1 || list.length > 4 || !list.every((size) => isUnsigned(size, 0xffffffff) && size > 0)) {
    throw new UsageError(`${what}: shape takes 1 to 4 sizes, whole numbers from 1, got ${shownValue(shape)}`);
  }
  const sizes = list as number[];
  const tiles = sizes.length === 2 || sizes.length === 4 ? (sizes[0] ?? 0) : 1;
  const tile = sizes.length === 2 || sizes.length === 4 ? sizes.slice(1) : sizes;
  const elementsPerTile = tile.reduce((product, size) => product * size, 1);
  const [height = 0, width = 0] = tile.length < 3 ? [] : layout === 'nchw' ? tile.slice(1) : tile;
  if (tiles > 0xffff || width > 0xffff || height > 0xffff || elementsPerTile > 0xffffffff) {
    throw new UsageError(
      `${what}: tiles, width and height are at most 65535, elements of a tile 4294967295, got the shape ${shownValue(shape)}`,
    );
  }
  return { tiles, elementsPerTile, width, height };
}

/** The prelude, and one inline object with the sections, each of which starts on a multiple of 8. */
function bodyOf(sections: readonly Section[]): Uint8Array[] {
  const head = new Uint8Array(BODY_REGION_PRELUDE_BYTES + INLINE_OBJECT_BLOCK_HEADER_BYTES);
  const chunks: Uint8Array[] = [head];
  let objectBytes = 0;
  for (const section of sections) {
    const before = padding(objectBytes);
    chunks.push(new Uint8Array(before), descriptorOf(section), section.bytes);
    objectBytes += before + TENSOR_SECTION_DESCRIPTOR_BYTES + section.bytes.length;
  }
  const inlineObjectBytes = INLINE_OBJECT_BLOCK_HEADER_BYTES + objectBytes + padding(objectBytes);
  if (BODY_REGION_PRELUDE_BYTES + inlineObjectBytes > 0xffffffff) {
    throw new UsageError(`tensors: a body holds at most 4294967295 bytes, got ${inlineObjectBytes} and its head`);
  }
  chunks.push(new Uint8Array(padding(objectBytes)));
  const view = viewOf(head);
  const none = { objectReferenceBytes: 0, typedPayloadDescriptorBytes: 0, typedPayloadFrameBytes: 0 };
  const at = encodeBodyRegionPrelude(
    { ...none, inlineObjectBytes, extensionDescriptorBytes: 0, extensionPayloadBytes: 0 },
    view,
  );
  const header = { objectKind: CacheObjectKind.TensorSectionTable, profileId: ProfileId.Tensor, objectBytes };
  encodeInlineObjectBlockHeader(header, view, at);
  return packedChunks(chunks);
}

function descriptorOf({ type, bytes, layoutId, roleId, tiles, elementsPerTile }: Section): Uint8Array {
  const descriptor = new Uint8Array(TENSOR_SECTION_DESCRIPTOR_BYTES);
  encodeTensorSectionDescriptor(
    {
      roleId,
      codecId: CodecId.Raw,
      dtypeId: dtypeIdOf(type),
      layoutId,
      scalePolicy: ScalePolicy.None,
      flags: 0,
      elementCountPerTile: elementsPerTile,
      codecTableBytes: 0,
      lengthTableBytes: 0,
      payloadBytes: bytes.length,
      payloadStrideBytes: bytes.length / tiles,
    },
    viewOf(descriptor),
  );
  return descriptor;
}

/** Bytes up to the next multiple of 8. */
export function padding(length: number): number {
  return (8 - (length % 8)) % 8;
}
