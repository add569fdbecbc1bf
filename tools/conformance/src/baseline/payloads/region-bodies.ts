import * as preview3 from 'nnrp-core/preview3';
import { submitMetadata } from 'nnrp-runtime';
import { submitBytes } from '../wire-messages.js';

const { CacheObjectKind, InputProfile, ObjectRefFlags, PayloadKindFlags, ProfileId, SubmitMode, TileIndexMode } =
  preview3;
const UTF8 = new TextEncoder();

/** The object that the cases put and refer to: a tile index, which has a slot in a submit. */
export const TILE_INDEX: preview3.ObjectReferenceBlock = {
  objectKind: CacheObjectKind.TileIndexBlock,
  cacheNamespace: 7,
  cacheKeyHi: 1,
  cacheKeyLo: 2,
};

/** A submit that refers to a cached object and carries nothing else. */
export function referringSubmit(
  sessionId: number,
  frameId: number,
  reference: preview3.ObjectReferenceBlock = TILE_INDEX,
): Uint8Array {
  const metadata = submitMetadata({
    submitMode: SubmitMode.Reference,
    objectRefMask: ObjectRefFlags.TileIndexBlock,
    payloadKindBitmap: 0,
    payloadFrameCount: 0,
  });
  return submitBytes(sessionId, frameId, preview3.encodeBody({ objectReferences: [reference] }, metadata), metadata);
}

/** One typed payload of the standard token schema. */
export function tokenPayload(
  text: string,
  descriptor: Partial<preview3.TypedPayloadDescriptor> = {},
): preview3.TypedPayloadInput {
  return {
    descriptor: {
      profileId: ProfileId.Token,
      descriptorFlags: preview3.DescriptorFlags.Partial,
      schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
      streamSemantics: preview3.StreamSemantics.Append,
      ...descriptor,
    },
    payload: UTF8.encode(text),
  };
}

/** A region body with these typed payloads, and the counts that its metadata must have. */
export function typedBody(...typedPayloads: readonly preview3.TypedPayloadInput[]) {
  const counts = { payloadKindBitmap: PayloadKindFlags.TokenChunk, payloadFrameCount: typedPayloads.length };
  return { counts, body: preview3.encodeBody({ typedPayloads }, counts) };
}

/**
 * A tensor submit that carries its objects inline: a camera block, a raw tile index of two tiles, and one section of
 * int8 values, each an inline object of its kind.
 *
 * @see NNRP/1-preview3 sections 10.5 and 10.7
 */
export function tensorSubmit(): { readonly metadata: preview3.FrameSubmit; readonly body: Uint8Array } {
  const camera = new Uint8Array(12).fill(0xca);
  const metadata = submitMetadata({
    srcWidth: 128,
    srcHeight: 64,
    tileWidth: 64,
    tileHeight: 64,
    tileCount: 2,
    sectionCount: 1,
    inputProfile: InputProfile.ChangedTilesLuma,
    tileIndexMode: TileIndexMode.RawU16,
    cameraBytes: camera.length,
    payloadKindBitmap: PayloadKindFlags.Tensor,
    payloadFrameCount: 0,
  });
  const inline = (objectKind: preview3.CacheObjectKind, payload: Uint8Array): preview3.InlineObjectInput => ({
    header: { objectKind, profileId: ProfileId.Tensor },
    payload,
  });
  const inlineObjects = [
    inline(CacheObjectKind.CameraBlock, camera),
    inline(CacheObjectKind.TileIndexBlock, Uint8Array.of(5, 0, 9, 0)),
    inline(CacheObjectKind.TensorSectionTable, tensorSection()),
  ];
  return { metadata, body: preview3.encodeBody({ inlineObjects }, metadata) };
}

/** The descriptor of a section and its values: two tiles of four int8 each. */
function tensorSection(): Uint8Array {
  const bytes = new Uint8Array(preview3.TENSOR_SECTION_DESCRIPTOR_BYTES + 8);
  const section: preview3.TensorSectionDescriptor = {
    roleId: 1,
    codecId: 0,
    dtypeId: preview3.DtypeId.Int8,
    layoutId: 0,
    scalePolicy: 0,
    flags: 0,
    elementCountPerTile: 4,
    codecTableBytes: 0,
    lengthTableBytes: 0,
    payloadBytes: 8,
    payloadStrideBytes: 4,
  };
  preview3.encodeTensorSectionDescriptor(section, new DataView(bytes.buffer));
  bytes.set([1, 2, 3, 4, 250, 251, 252, 253], preview3.TENSOR_SECTION_DESCRIPTOR_BYTES);
  return bytes;
}
