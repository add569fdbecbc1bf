import { type EmittedMutant, mutant as emitted } from './emitted-mutants.js';
import { integer, type LayoutMutant, mutant as laidOut, operator } from './layout-mutants.js';

/** Faults that a wrong reading of what only the schemas of preview4 have would cause. */
export const PREVIEW4_LAYOUT_MUTANTS: readonly LayoutMutant[] = [
  laidOut('scheduling', 'signed field read as unsigned', (d) => (d.field('priority_delta').type = 'u16')),
  laidOut('scheduling', 'unsigned field read as signed', (d) => (d.field('priority_class').type = 'i16')),
  laidOut('frame_submit', 'rule of a 64-bit field negated', (d) => d.rewrite(0, operator('!=', '=='))),
  laidOut('cache_invalidate', 'bound of a 64-bit field turned', (d) => d.rewrite(0, operator('<=', '>'))),
  laidOut('cache_invalidate', 'scope taken for another', (d) => d.rewrite(0, integer(2, 0))),
  laidOut('cache_put', 'half of a 128-bit key', (d) => (d.field('cache_key_lo').type = 'u32')),
  laidOut('control_request', 'flags checked after reserved bytes', (d) => d.swapChecks(0, 1)),
  laidOut('progress', 'rule without its special value', (d) => d.rewrite(0, integer(0xffff, 0xfffe))),
  laidOut('result_push', 'rule that only a release added dropped', (d) => d.drop('rule', 3)),
  laidOut('session_migrate', 'transport of preview4 missing', (d) => d.enum('transport_id').values.pop()),
  laidOut('common_header', 'message of preview4 missing', (d) => d.enum('message_type').values.pop()),
  laidOut('typed_payload_descriptor', 'kinds that may be combined', (d) =>
    d.enum('payload_kind').values.push({ ...d.enum('payload_kind').values[0]!, value: 3, id: 'two' }),
  ),
];

/** Faults that a wrong emitter of signed and 64-bit fields would cause. */
export const PREVIEW4_EMITTED_MUTANTS: readonly EmittedMutant[] = [
  emitted('scheduling', 'decode', 'signed field read as unsigned', 'getInt16', 'getUint16'),
  emitted('scheduling', 'decode', 'big-endian i16', 'getInt16(start + 18, true)', 'getInt16(start + 18)'),
  emitted('scheduling', 'decode', 'rules that are not looked at', /.*const rule = .*\n.*throw decodeFailed.*\n/, ''),
  emitted('scheduling', 'decode', 'the first rule left out', 'rule !== -1', 'rule > 0'),
  emitted('scheduling', 'encode', 'range check of another width', 'requireU32(', 'requireU16('),
  emitted('scheduling', 'View', 'signed field read as unsigned', 'getInt16', 'getUint16'),
  emitted('scheduling', 'encode', 'no range check of an i16', /.*requireI16\(priorityDelta.*\n/, ''),
  emitted(
    'scheduling',
    'encode',
    'range check takes it for unsigned',
    'requireI16(priorityDelta',
    'requireU16(priorityDelta',
  ),
  emitted('scheduling', 'encode', 'big-endian i16', 'priorityDelta, true)', 'priorityDelta, false)'),
  emitted(
    'frame_submit',
    'check',
    'u64 compared by its low half',
    /\((view\.getUint32\(start \+ 40, true\)) \| [^)]*\)\)/,
    '($1)',
  ),
  emitted('frame_submit', 'check', 'u64 compared by its high half', 'view.getUint32(start + 40, true) | ', ''),
  emitted('frame_submit', 'encode', 'u64 not compared', /.*_RULES, 12,.*\n/, ''),
  emitted(
    'cache_invalidate',
    'check',
    'bound of a u64 by its low half',
    'start + 12, true) === 0',
    'start + 8, true) === 0',
  ),
  emitted('cache_invalidate', 'encode', 'bound of a u64 one narrow', '<= 0xffffffffn', '< 0xffffffffn'),
];
