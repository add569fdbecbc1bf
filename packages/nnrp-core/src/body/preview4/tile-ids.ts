import { viewOf } from '../../bytes/view-of.js';
import { UsageError } from '../../errors.js';
import { WireError } from '../../faults/wire-error.js';
import { TileIndexMode } from '../../generated/preview4/enums.js';
import type { FrameSubmit } from '../../generated/preview4/frame-submit.js';
import { brokenRule } from '../../rules/broken-rule.js';
import { shownValue } from '../../text/shown-value.js';
import { requireBytes } from '../payload/payload-data.js';

const WHERE = 'TILE_INDEX_BLOCK';
const WORD_BYTES = 2;

/**
 * Decodes a tile index: the ids of the tiles of a submit, in their order. TENSOR-4 is a name of this implementation.
 *
 * @param index - the inline object of the kind tile_index_block, or what a reference leads to
 * @param metadata - of the submit: `tileIndexMode`, `tileBaseId` and `tileCount`
 * @throws WireError TENSOR-4 when the index has not the ids of `tileCount` tiles, TILE-2 when differences lead to ids that do not
 *   rise or are none
 * @see NNRP/1-preview4 section 10.6
 */
export function decodeTileIndex(
  index: Uint8Array,
  metadata: Pick<FrameSubmit, 'tileIndexMode' | 'tileBaseId' | 'tileCount'>,
): number[] {
  const bytes = requireBytes(index, 'index');
  const { tileIndexMode, tileBaseId, tileCount } = metadata;
  switch (tileIndexMode) {
    case TileIndexMode.DenseRange:
      if (bytes.length !== 0 || tileBaseId + tileCount > 0x1_0000_0000) throw broken('TENSOR-4');
      return Array.from({ length: tileCount }, (_, at) => tileBaseId + at);
    case TileIndexMode.RawU16:
      return words(bytes, tileCount);
    case TileIndexMode.DeltaU16: {
      let id = 0;
      return words(bytes, tileCount).map((step, at) => {
        id += step;
        if ((at > 0 && step === 0) || id > 0xffff) throw broken('TILE-2');
        return id;
      });
    }
    case TileIndexMode.Bitset:
      return setBits(bytes, tileCount);
    default:
      throw new UsageError(`tileIndexMode: expected a value of TileIndexMode, got ${shownValue(tileIndexMode)}`);
  }
}

function words(bytes: Uint8Array, count: number): number[] {
  if (bytes.length !== WORD_BYTES * count) throw broken('TENSOR-4');
  const view = viewOf(bytes);
  return Array.from({ length: count }, (_, at) => view.getUint16(WORD_BYTES * at, true));
}

/** As many bytes as the highest id needs. */
function setBits(bytes: Uint8Array, count: number): number[] {
  if (bytes.length > 0x1_0000 / 8 || bytes.at(-1) === 0) throw broken('TENSOR-4');
  const ids: number[] = [];
  for (const [at, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) ids.push(8 * at + bit);
  }
  if (ids.length !== count) throw broken('TENSOR-4');
  return ids;
}

function broken(rule: string): WireError {
  return new WireError(brokenRule(rule), WHERE);
}
