import { viewOf } from '../../bytes/view-of.js';
import { UsageError } from '../../errors.js';
import {
  encodeInlineObjectBlockHeader,
  INLINE_OBJECT_BLOCK_HEADER_BYTES,
} from '../../generated/preview3/inline-object-block-header.js';
import { BODY_REGION_PRELUDE_BYTES, encodeBodyRegionPrelude } from '../../generated/preview4/body-region-prelude.js';
import { CacheObjectKind, CodecId, ProfileId, ScalePolicy } from '../../generated/preview4/enums.js';
import { SectionFlags } from '../../generated/preview4/flags.js';
import {
  checkTensorSectionDescriptor,
  decodeTensorSectionDescriptor,
  encodeTensorSectionDescriptor,
  TENSOR_SECTION_DESCRIPTOR_BYTES,
  TENSOR_SECTION_DESCRIPTOR_RULES,
  type TensorSectionDescriptor,
} from '../../generated/preview4/tensor-section-descriptor.js';
import { packedChunks, requireBytes } from '../payload/payload-data.js';
import { decodeBodyOf } from '../region/body-regions.js';
import { dtypeIdOf } from '../tensor/elements.js';
import {
  type EncodedTensors,
  padding,
  resultMetadataOf,
  type Section,
  sectionsOf,
  submitMetadataOf,
  type TensorInput,
  type TensorResultMetadata,
  type TensorSubmitMetadata,
} from '../tensor/tensor-body.js';
import { type SectionCodec, type TensorContext, type Tensor as TensorOf, tensorsOf } from '../tensor/tensor-reader.js';
import { PREVIEW4_BODY, PREVIEW4_DECODERS } from './codecs.js';

/** One tensor of a body. */
export type Tensor = TensorOf<TensorSectionDescriptor>;

/**
 * Encodes tensors as the body of a submit: the tile index of a dense range, which has no bytes, and the table of sections.
 * A section has a fixed stride and a length for each tile.
 *
 * @returns the body in chunks, of which those over 4096 bytes are the memory of `data`, not copied: it must not change
 *   before it is sent. The session should have the tensor profile.
 * @throws UsageError for a shape that is not that of the data, for what the protocol has no type or no room for, and for
 *   sections that do not fit together
 * @see NNRP/1-preview4 section 10.6
 */
export function encodeTensorSubmit(
  tensors: TensorInput | readonly TensorInput[],
): EncodedTensors<TensorSubmitMetadata> {
  const sections = sectionsOf(tensors);
  return { body: bodyOf(sections), metadata: submitMetadataOf(sections) };
}

/**
 * Encodes tensors as the body of a result, in the form of {@link encodeTensorSubmit}. RESULT_PUSH has no width and height,
 * so the other side gets elements of tiles and has to know the shape.
 *
 * @throws UsageError as encodeTensorSubmit does
 */
export function encodeTensorResult(
  tensors: TensorInput | readonly TensorInput[],
): EncodedTensors<TensorResultMetadata> {
  const sections = sectionsOf(tensors);
  return { body: bodyOf(sections), metadata: resultMetadataOf(sections) };
}

/**
 * Decodes the tensors of a region body: the sections of its inline object of the kind tensor_section_table. Camera block
 * and tile index, which may stand beside it, are left to decodeBody.
 *
 * @param body - the whole body; the tensors are views of it
 * @param metadata - of the message that carried it
 * @throws WireError when the body is no region body or breaks its rules; TSEC-5 when role ids do not rise, TSEC-6 when a
 *   table has not the length that the tiles take, TSEC-7 when lengths and payload contradict each other; TENSOR-1 for a
 *   section that is cut off, TENSOR-3 when there are not section_count sections
 * @see NNRP/1-preview4 section 10.6
 */
export function decodeTensors(body: Uint8Array, metadata: TensorContext): Tensor[] {
  const { inlineObjects } = decodeBodyOf(PREVIEW4_BODY, PREVIEW4_DECODERS, requireBytes(body, 'body'), metadata);
  return tensorsOf(SECTIONS, inlineObjects, metadata);
}

const SECTIONS: SectionCodec<TensorSectionDescriptor> = /* @__PURE__ */ Object.freeze({
  rules: TENSOR_SECTION_DESCRIPTOR_RULES,
  check: checkTensorSectionDescriptor,
  decode: decodeTensorSectionDescriptor,
  judge(descriptor: TensorSectionDescriptor, tileCount: number, lengths: Uint8Array, previousRole: number) {
    const { roleId, codecTableBytes, lengthTableBytes, payloadBytes, payloadStrideBytes } = descriptor;
    if (roleId <= previousRole) return 'TSEC-5';
    const hasTables = (codecTableBytes === 0 || codecTableBytes === tileCount) && lengthTableBytes === 4 * tileCount;
    if (!hasTables) return 'TSEC-6';
    const view = viewOf(lengths);
    let sum = 0;
    for (let at = 0; at < lengths.length; at += 4) {
      const length = view.getUint32(at, true);
      if (payloadStrideBytes > 0 && length > payloadStrideBytes) return 'TSEC-7';
      sum += length;
    }
    return payloadBytes === (payloadStrideBytes > 0 ? payloadStrideBytes * tileCount : sum) ? undefined : 'TSEC-7';
  },
});

/** The prelude, the tile index of a dense range, and the sections, each of which starts on a multiple of 8. */
function bodyOf(sections: readonly Section[]): Uint8Array[] {
  const head = new Uint8Array(BODY_REGION_PRELUDE_BYTES + 2 * INLINE_OBJECT_BLOCK_HEADER_BYTES);
  const chunks: Uint8Array[] = [head];
  let objectBytes = 0;
  for (const section of sections) {
    const before = padding(objectBytes);
    const sectionHead = headOf(section);
    chunks.push(new Uint8Array(before), sectionHead, section.bytes);
    objectBytes += before + sectionHead.length + section.bytes.length;
  }
  const inlineObjectBytes = 2 * INLINE_OBJECT_BLOCK_HEADER_BYTES + objectBytes + padding(objectBytes);
  if (BODY_REGION_PRELUDE_BYTES + inlineObjectBytes > 0xffffffff) {
    throw new UsageError(`tensors: a body holds at most 4294967295 bytes, got ${inlineObjectBytes} and its head`);
  }
  chunks.push(new Uint8Array(padding(objectBytes)));
  const view = viewOf(head);
  const none = { objectReferenceBytes: 0, typedPayloadDescriptorBytes: 0, typedPayloadFrameBytes: 0 };
  let at = encodeBodyRegionPrelude(
    { ...none, inlineObjectBytes, extensionDescriptorBytes: 0, extensionPayloadBytes: 0 },
    view,
  );
  const index = { objectKind: CacheObjectKind.TileIndexBlock, profileId: ProfileId.Unspecified, objectBytes: 0 };
  at = encodeInlineObjectBlockHeader(index, view, at);
  encodeInlineObjectBlockHeader({ ...index, objectKind: CacheObjectKind.TensorSectionTable, objectBytes }, view, at);
  return packedChunks(chunks);
}

/** Descriptor and table of lengths. */
function headOf({ type, bytes, layoutId, roleId, tiles, elementsPerTile }: Section): Uint8Array {
  const head = new Uint8Array(TENSOR_SECTION_DESCRIPTOR_BYTES + 4 * tiles);
  const view = viewOf(head);
  const payloadStrideBytes = bytes.length / tiles;
  let at = encodeTensorSectionDescriptor(
    {
      roleId,
      codecId: CodecId.Raw,
      dtypeId: dtypeIdOf(type),
      layoutId,
      scalePolicy: ScalePolicy.None,
      sectionFlags: SectionFlags.FixedStride,
      elementCountPerTile: elementsPerTile,
      codecTableBytes: 0,
      lengthTableBytes: 4 * tiles,
      payloadBytes: bytes.length,
      payloadStrideBytes,
    },
    view,
  );
  for (; at < head.length; at += 4) view.setUint32(at, payloadStrideBytes, true);
  return head;
}
