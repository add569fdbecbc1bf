import {
  type BodyContext,
  CacheObjectKind,
  decodeTensors,
  decodeTileIndex,
  type InlineObject,
} from 'nnrp-core/preview4';
import { formatHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import { MAX_U16, MAX_U32, type Members } from './members.js';
import { structNamed, valueToJson } from './values.js';

const ALIGNMENT = 8;

/**
 * Tile ids and sections of a body that has them inline: what its metadata says of tiles is in the context.
 *
 * @throws WireError for a tile index or a section that breaks a rule
 */
export function tensorParts(
  body: Uint8Array,
  objects: readonly InlineObject[],
  counts: BodyContext,
  context: Members,
): JsonObject {
  const tileCount = context.number('tile_count', MAX_U16);
  const tileIndexMode = context.oneOf('tile_index_mode', [0, 1, 2, 3] as const);
  const tileBaseId = context.number('tile_base_id', MAX_U32, 0);
  const index = objects.find(({ header }) => header.objectKind === CacheObjectKind.TileIndexBlock);
  const table = objects.find(({ header }) => header.objectKind === CacheObjectKind.TensorSectionTable);
  return {
    ...(index && { tile_ids: decodeTileIndex(index.payload, { tileIndexMode, tileBaseId, tileCount }) }),
    ...(table && { sections: sectionsOf(body, counts, tileCount, seemingCount(table.payload)) }),
  };
}

function sectionsOf(body: Uint8Array, counts: BodyContext, tileCount: number, sectionCount: number): JsonObject[] {
  return decodeTensors(body, { ...counts, tileCount, sectionCount }).map(
    ({ descriptor, bytes, codecTable, lengthTable }) => ({
      descriptor: valueToJson('TENSOR_SECTION_DESCRIPTOR', descriptor),
      codec_ids: [...codecTable],
      tile_payloads_hex: tilesOf(bytes, lengthTable, descriptor.payloadStrideBytes),
    }),
  );
}

/** The bytes of each tile, without what fills a stride up. */
function tilesOf(bytes: Uint8Array, lengthTable: Uint8Array, stride: number): string[] {
  const lengths = new DataView(lengthTable.buffer, lengthTable.byteOffset, lengthTable.byteLength);
  const tiles: string[] = [];
  for (let at = 0, next = 0; at < lengths.byteLength; at += 4) {
    const length = lengths.getUint32(at, true);
    tiles.push(formatHex(bytes.subarray(next, next + length)));
    next += stride > 0 ? stride : length;
  }
  return tiles;
}

/** The number of sections that a table seems to have, where no metadata says it. */
function seemingCount(table: Uint8Array): number {
  const struct = structNamed('TENSOR_SECTION_DESCRIPTOR');
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  let count = 0;
  for (let at = 0; at < table.length; count++) {
    if (struct.check(view, at) !== -1) return count + 1;
    const { codecTableBytes, lengthTableBytes, payloadBytes } = struct.decode(view, at);
    const end = at + struct.bytes + Number(codecTableBytes) + Number(lengthTableBytes) + Number(payloadBytes);
    at = end + ((ALIGNMENT - (end % ALIGNMENT)) % ALIGNMENT);
  }
  return count;
}
