import { WireError } from '../../../faults/wire-error.js';
import { CacheObjectKind, ProfileId, SubmitMode } from '../../../generated/preview4/enums.js';
import { PayloadKindFlags } from '../../../generated/preview4/flags.js';
import type { FrameSubmit } from '../../../generated/preview4/frame-submit.js';
import type { ObjectReferenceBlock } from '../../../generated/preview4/object-reference-block.js';
import { brokenRule } from '../../../rules/broken-rule.js';
import { requireBytes } from '../../payload/payload-data.js';
import { slotOf } from '../../region/object-slots.js';
import { encodeBody } from '../regions.js';
import { type SubmitSection, sectionTableOf } from './section-table.js';
import {
  type BuiltSubmit,
  builtSubmit,
  requestedMetadata,
  requireList,
  requireOptions,
  SUBMIT_WHERE,
  type SubmitRequest,
} from './submit-request.js';
import { tileIndexOf } from './tile-index.js';

/** Objects of a tensor submit that the server has in its cache, each of the kind that its slot is for. */
export interface TensorReferences {
  readonly camera?: ObjectReferenceBlock | undefined;
  readonly tileIndex?: ObjectReferenceBlock | undefined;
  readonly sectionTable?: ObjectReferenceBlock | undefined;
}

export interface TensorSubmitRequest
  extends SubmitRequest,
    Partial<
      Pick<
        FrameSubmit,
        'srcWidth' | 'srcHeight' | 'tileWidth' | 'tileHeight' | 'inputProfile' | 'tileIndexMode' | 'tileBaseId'
      >
    > {
  /** The ids of the tiles, in the order of the payloads of each section. */
  readonly tileIds: readonly number[];
  readonly sections: readonly SubmitSection[];
  /** The camera block, of which the protocol says nothing. */
  readonly camera?: Uint8Array | undefined;
  /** What stands in the cache and is left out of the body. */
  readonly references?: TensorReferences | undefined;
}

const NAMES: readonly string[] = [
  'srcWidth',
  'srcHeight',
  'tileWidth',
  'tileHeight',
  'inputProfile',
  'tileIndexMode',
  'tileBaseId',
  'tileIds',
  'sections',
  'camera',
  'references',
];
/** The slots of a tensor submit, in their order. */
const SLOTS: readonly (readonly [name: keyof TensorReferences, kind: CacheObjectKind])[] = [
  ['camera', CacheObjectKind.CameraBlock],
  ['tileIndex', CacheObjectKind.TileIndexBlock],
  ['sectionTable', CacheObjectKind.TensorSectionTable],
];

/**
 * Builds a submit of tensors: camera block, tile index and section table in the body, or by reference where the server has
 * them. {@link encodeTensorSubmit} is the short form for whole tensors of one shape.
 *
 * @throws WireError SUB-1 for an id of 0, SUB-3 for a reference of a kind that is not that of its slot, TILE-1 to TILE-3 and
 *   TSEC-5, TSEC-8 to TSEC-10 for tiles and sections that do not fit together; UsageError for options that there are not
 * @see NNRP/1-preview4 sections 10.6 and 10.7
 */
export function buildTensorSubmit(request: TensorSubmitRequest): BuiltSubmit {
  const base = requestedMetadata(request, NAMES);
  const { tileIds, sections, camera = new Uint8Array(0), references = {} } = request;
  requireOptions(
    'references',
    references,
    SLOTS.map(([name]) => name),
  );
  const referenced = SLOTS.flatMap(([name, kind]) => {
    const block = references[name];
    if (block === undefined) return [];
    if (block.objectKind !== kind) throw new WireError(brokenRule('SUB-3'), SUBMIT_WHERE);
    return [block];
  });
  const tileCount = requireList('tileIds', tileIds).length;
  const { tileIndexMode = base.tileIndexMode, tileBaseId = 0 } = request;
  const payloads = {
    camera: requireBytes(camera, 'camera'),
    tileIndex: tileIndexOf(tileIndexMode, tileBaseId, tileIds),
    sectionTable: sectionTableOf(sections, tileCount),
  };
  // A dense range has no bytes, and is told all the same.
  const isThere = { camera: payloads.camera.length > 0, tileIndex: tileCount > 0, sectionTable: sections.length > 0 };
  const inlineObjects = SLOTS.filter(([name]) => isThere[name] && references[name] === undefined).map(
    ([name, objectKind]) => ({
      header: { objectKind, profileId: ProfileId.Unspecified },
      payload: payloads[name],
    }),
  );
  const objectRefMask = referenced.reduce((mask, { objectKind }) => mask | (1 << slotOf(objectKind)), 0);
  const { srcWidth = 0, srcHeight = 0, tileWidth = 0, tileHeight = 0, inputProfile = base.inputProfile } = request;
  const metadata: FrameSubmit = {
    ...base,
    srcWidth,
    srcHeight,
    tileWidth,
    tileHeight,
    tileCount,
    sectionCount: sections.length,
    inputProfile,
    tileIndexMode,
    tileBaseId,
    cameraBytes: references.camera === undefined ? payloads.camera.length : 0,
    tileIndexBytes: references.tileIndex === undefined ? payloads.tileIndex.length : 0,
    submitMode:
      objectRefMask === 0 ? SubmitMode.Inline : inlineObjects.length === 0 ? SubmitMode.Reference : SubmitMode.Mixed,
    objectRefMask,
    payloadKindBitmap: PayloadKindFlags.Tensor,
  };
  return builtSubmit(metadata, encodeBody({ inlineObjects, objectReferences: referenced }, metadata));
}
