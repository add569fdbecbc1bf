import { viewOf } from '../../../bytes/view-of.js';
import { UsageError } from '../../../errors.js';
import { WireError } from '../../../faults/wire-error.js';
import { SectionFlags } from '../../../generated/preview4/flags.js';
import {
  encodeTensorSectionDescriptor,
  TENSOR_SECTION_DESCRIPTOR_BYTES,
  type TensorSectionDescriptor,
} from '../../../generated/preview4/tensor-section-descriptor.js';
import { brokenRule } from '../../../rules/broken-rule.js';
import { shownValue } from '../../../text/shown-value.js';
import { joinBody, requireBytes } from '../../payload/payload-data.js';
import { padding } from '../../tensor/tensor-body.js';
import { requireList, requireOptions, SUBMIT_WHERE } from './submit-request.js';

/** A tensor section of a submit, tile by tile. */
export interface SubmitSection
  extends Pick<
    TensorSectionDescriptor,
    'roleId' | 'codecId' | 'dtypeId' | 'layoutId' | 'scalePolicy' | 'elementCountPerTile'
  > {
  /** One for each tile; copied. */
  readonly tilePayloads: readonly Uint8Array[];
  /** The codec of each tile; left out or empty when each has `codecId`. */
  readonly codecIds?: readonly number[] | undefined;
  /** Bytes that each tile takes, filled with zeros; 0, the default, when tiles follow one another without gaps. */
  readonly payloadStrideBytes?: number | undefined;
}

const SECTION: readonly string[] = [
  'roleId',
  'codecId',
  'dtypeId',
  'layoutId',
  'scalePolicy',
  'elementCountPerTile',
  'tilePayloads',
  'codecIds',
  'payloadStrideBytes',
];

/**
 * The bytes of a section table; each section starts on a multiple of 8.
 *
 * @throws WireError TSEC-5 when roles do not rise, TSEC-8 when a section has not a payload for each tile, TSEC-9 when it has
 *   neither no codec ids nor one for each, TSEC-10 when a payload is longer than the stride
 * @see NNRP/1-preview4 section 10.6
 */
export function sectionTableOf(sections: readonly SubmitSection[], tileCount: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let previousRole = -1;
  for (const [index, section] of requireList('sections', sections).entries()) {
    requireOptions(`section ${index}`, section, SECTION);
    if (section.roleId <= previousRole) throw broken('TSEC-5');
    previousRole = section.roleId;
    const bytes = sectionBytes(section, `section ${index}`, tileCount);
    const before = new Uint8Array(padding(length));
    chunks.push(before, bytes);
    length += before.length + bytes.length;
  }
  return chunks.length === 0 ? new Uint8Array(0) : joinBody(chunks);
}

function sectionBytes(section: SubmitSection, what: string, tileCount: number): Uint8Array {
  const { tilePayloads, codecIds = [], payloadStrideBytes = 0, ...fields } = section;
  const payloads = requireList(`${what}: tilePayloads`, tilePayloads);
  if (payloads.length !== tileCount) throw broken('TSEC-8');
  if (codecIds.length !== 0 && codecIds.length !== tileCount) throw broken('TSEC-9');
  const isMixed = codecIds.some((codecId) => codecId !== section.codecId);
  const tiles = payloads.map((payload) => requireBytes(payload, what));
  if (payloadStrideBytes > 0 && tiles.some(({ length }) => length > payloadStrideBytes)) throw broken('TSEC-10');
  const payloadBytes =
    payloadStrideBytes > 0 ? payloadStrideBytes * tileCount : tiles.reduce((sum, { length }) => sum + length, 0);
  const codecTableBytes = isMixed ? tileCount : 0;
  const tablesEnd = TENSOR_SECTION_DESCRIPTOR_BYTES + codecTableBytes + 4 * tileCount;
  if (tablesEnd + payloadBytes > 0xffff_ffff) throw new WireError({ kind: 'message_length_overflow' }, SUBMIT_WHERE);

  const bytes = new Uint8Array(tablesEnd + payloadBytes);
  const view = viewOf(bytes);
  const descriptor: TensorSectionDescriptor = {
    ...fields,
    sectionFlags: (isMixed ? SectionFlags.MixedCodec : 0) | (payloadStrideBytes > 0 ? SectionFlags.FixedStride : 0),
    codecTableBytes,
    lengthTableBytes: 4 * tileCount,
    payloadBytes,
    payloadStrideBytes,
  };
  let at = encodeTensorSectionDescriptor(descriptor, view);
  if (isMixed) {
    for (const codecId of codecIds) {
      if (!Number.isInteger(codecId) || codecId < 0 || codecId > 0xff) {
        throw new UsageError(`${what}: codecIds takes u8 numbers, got ${shownValue(codecId)}`);
      }
      view.setUint8(at, codecId);
      at += 1;
    }
  }
  let payloadAt = tablesEnd;
  for (const tile of tiles) {
    view.setUint32(at, tile.length, true);
    at += 4;
    bytes.set(tile, payloadAt);
    payloadAt += payloadStrideBytes > 0 ? payloadStrideBytes : tile.length;
  }
  return bytes;
}

function broken(rule: string): WireError {
  return new WireError(brokenRule(rule), SUBMIT_WHERE);
}
