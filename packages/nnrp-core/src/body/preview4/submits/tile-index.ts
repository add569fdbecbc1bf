import { viewOf } from '../../../bytes/view-of.js';
import { UsageError } from '../../../errors.js';
import { WireError } from '../../../faults/wire-error.js';
import { TileIndexMode } from '../../../generated/preview4/enums.js';
import { brokenRule } from '../../../rules/broken-rule.js';
import { shownValue } from '../../../text/shown-value.js';
import { SUBMIT_WHERE } from './submit-request.js';

/**
 * The bytes of a tile index: none for a dense range, whose ids follow from the base; one u16 for each tile, raw or as the
 * difference to the one before; or a bit for each id.
 *
 * @param tileIds - u16, in the order of the tiles
 * @throws WireError TILE-1 when a dense range has a gap, TILE-2 and TILE-3 when ids do not rise
 * @see NNRP/1-preview4 section 10.6
 */
export function tileIndexOf(mode: TileIndexMode, baseId: number, tileIds: readonly number[]): Uint8Array {
  for (const id of tileIds) {
    const isDense = mode === TileIndexMode.DenseRange;
    if (!Number.isInteger(id) || id < 0 || id > (isDense ? 0xffff_ffff : 0xffff)) {
      throw new UsageError(`tileIds: expected ${isDense ? 'u32' : 'u16'} numbers, got ${shownValue(id)}`);
    }
  }
  switch (mode) {
    case TileIndexMode.DenseRange:
      if (tileIds.some((id, index) => id !== baseId + index)) throw broken('TILE-1');
      return new Uint8Array(0);
    case TileIndexMode.RawU16:
      return words(tileIds);
    case TileIndexMode.DeltaU16:
      requireRising(tileIds, 'TILE-2');
      return words(tileIds.map((id, index) => id - (tileIds[index - 1] ?? 0)));
    case TileIndexMode.Bitset: {
      requireRising(tileIds, 'TILE-3');
      const last = tileIds.at(-1);
      const bits = new Uint8Array(last === undefined ? 0 : (last >> 3) + 1);
      for (const id of tileIds) bits[id >> 3] = (bits[id >> 3] ?? 0) | (1 << (id & 7));
      return bits;
    }
    default:
      throw new UsageError(`tileIndexMode: expected a value of TileIndexMode, got ${shownValue(mode)}`);
  }
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  const view = viewOf(bytes);
  for (const [index, value] of values.entries()) view.setUint16(2 * index, value, true);
  return bytes;
}

function requireRising(tileIds: readonly number[], rule: string): void {
  if (tileIds.some((id, index) => index > 0 && id <= (tileIds[index - 1] ?? 0))) throw broken(rule);
}

function broken(rule: string): WireError {
  return new WireError(brokenRule(rule), SUBMIT_WHERE);
}
