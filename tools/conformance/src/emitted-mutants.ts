/** A fault planted in the emitted code of one structure. */
export interface EmittedMutant {
  readonly name: string;
  readonly struct: string;
  /** The part of the code it changes, by the first words of the part. */
  readonly part: 'check' | 'decode' | 'encode' | 'View' | 'RULES' | 'OFFSETS' | 'BYTES';
  readonly from: string | RegExp;
  readonly to: string;
}

const PART_STARTS: Readonly<Record<EmittedMutant['part'], RegExp>> = {
  BYTES: /^export const \w+_BYTES\b/m,
  OFFSETS: /^export const \w+_OFFSETS\b/m,
  RULES: /^export const \w+_RULES\b/m,
  check: /^export function check/m,
  decode: /^export function decode/m,
  encode: /^export function encode/m,
  View: /^export class /m,
};

/** Applies a mutant. @throws when the code has no such text, so that no mutant goes stale unnoticed */
export function plant(mutant: EmittedMutant, source: string): string {
  const start = source.search(PART_STARTS[mutant.part]);
  const end = source.indexOf('\nexport ', start + 1);
  const part = source.slice(start, end === -1 ? undefined : end);
  const changed = part.replace(mutant.from, mutant.to);
  if (start === -1 || changed === part) throw new Error(`${mutant.struct}, ${mutant.name}: nothing to change`);
  return source.slice(0, start) + changed + (end === -1 ? '' : source.slice(end));
}

export const mutant = (
  struct: string,
  part: EmittedMutant['part'],
  name: string,
  from: string | RegExp,
  to: string,
): EmittedMutant => ({ struct, part, name, from, to });

/** Faults that a wrong emitter would cause. */
export const EMITTED_MUTANTS: readonly EmittedMutant[] = [
  mutant('session_close', 'check', 'big-endian', 'getUint16(start, true)', 'getUint16(start, false)'),
  mutant('session_open', 'check', 'bound one too far', 'start + 48 <=', 'start + 47 <='),
  mutant('session_open', 'check', 'bound one too near', '<= view', '< view'),
  mutant('session_open', 'check', 'negative start', 'start >= 0 && ', ''),
  mutant(
    'session_open',
    'check',
    'bound lets NaN through',
    /if \(!\(start >= 0 .*\)\)/,
    'if (start < 0 || start + 48 > view.byteLength)',
  ),
  mutant('session_open', 'check', 'wrong index', 'return 2;', 'return 3;'),
  mutant('session_open', 'check', 'accepts with 0', 'return -1;', 'return 0;'),
  mutant('session_open', 'check', 'ignores start', 'getUint8(start + 6)', 'getUint8(6)'),
  mutant('session_open', 'check', 'mask not complemented', '& ~0x0f', '& 0x0f'),
  mutant('session_open', 'check', 'enum one wide', '> 2', '> 3'),
  mutant('session_open', 'check', 'enum one narrow', '> 2', '>= 2'),
  mutant('cache_put', 'check', 'enum without its lower end', /< 1 \|\| .* > 9/, '> 9'),
  mutant('frame_submit', 'check', 'u64 tested by its low half', /\((view[^|]*) \| view[^)]*\)\)/, '($1)'),
  mutant('session_open', 'decode', 'big-endian u16', 'getUint16(start + 4, true)', 'getUint16(start + 4)'),
  mutant('session_open', 'decode', 'big-endian u64', 'getBigUint64(start + 40, true)', 'getBigUint64(start + 40)'),
  mutant('session_open', 'decode', 'signed u16', 'getUint16(start + 4', 'getInt16(start + 4'),
  mutant('session_open', 'decode', 'signed u32', 'getUint32(start + 8', 'getInt32(start + 8'),
  mutant('session_open', 'decode', 'signed u64', 'getBigUint64', 'getBigInt64'),
  mutant('session_open', 'decode', 'bound one too far', 'start + 48 <=', 'start + 47 <='),
  mutant('session_open', 'decode', 'wrong rule reported', '? 2 :', '? 3 :'),
  mutant('session_open', 'decode', 'check missing', /.* \? 2 :\n/, ''),
  mutant('session_open', 'decode', 'wrong value in a field', '    schemaVersion,', '    schemaVersion: schemaId,'),
  mutant('session_open', 'decode', 'field left out', '    schemaVersion,\n', ''),
  mutant('session_open', 'encode', 'big-endian', 'schemaId, true)', 'schemaId, false)'),
  mutant('session_open', 'encode', 'bound missing', 'start >= 0 && start + 48 <= view.byteLength', 'true'),
  mutant(
    'session_open',
    'encode',
    'write to a wrong offset',
    'start + 16, defaultDeadlineMs',
    'start + 12, defaultDeadlineMs',
  ),
  mutant('session_open', 'encode', 'write ignores start', 'setUint8(start + 6,', 'setUint8(6,'),
  mutant('session_open', 'encode', 'write missing', /.*start \+ 36, .*\n/, ''),
  mutant('session_open', 'encode', 'reserved bytes not cleared', /.*, 0, true\);\n/, ''),
  mutant('session_open', 'encode', 'no range check of a u8', /.*outOfRange\('priority_class'.*\n/, ''),
  mutant('session_open', 'encode', 'no range check of a u16', /.*outOfRange\('profile_id'.*\n/, ''),
  mutant('session_open', 'encode', 'no range check of a u32', /.*outOfRange\('schema_id'.*\n/, ''),
  mutant('session_open', 'encode', 'no range check of a u64', /.*outOfRange\('client_session_tag'.*\n/, ''),
  mutant('session_open', 'encode', 'range check one bit wide', '& 0xffff', '& 0x1ffff'),
  mutant(
    'session_open',
    'encode',
    'range check names another field',
    "outOfRange('auth_bytes'",
    "outOfRange('schema_id'",
  ),
  mutant('session_open', 'encode', 'mask check missing', /.*_RULES, 2,.*\n/, ''),
  mutant('session_open', 'encode', 'enum check missing', /.*_RULES, 3,.*\n/, ''),
  mutant('client_hello', 'encode', 'rule check missing', /.*_RULES, 4,.*\n/, ''),
  mutant('frame_submit', 'encode', 'check of a named zero field missing', /.*_RULES, 2,.*\n/, ''),
  mutant(
    'session_open',
    'encode',
    'written before it is checked',
    /( {2}if \(typeof requestedSessionId[^\n]*\n)/,
    '  view.setUint8(start, 0);\n$1',
  ),
  mutant('session_open', 'encode', 'wrong end', 'return start + 48;', 'return 48;'),
  mutant(
    'session_open',
    'encode',
    'u64 written in half',
    /setBigUint64\(start \+ 40, clientSessionTag/,
    'setUint32(start + 40, Number(clientSessionTag & 0xffffffffn)',
  ),
  mutant('session_open', 'View', 'big-endian', 'getUint32(this.start + 8, true)', 'getUint32(this.start + 8)'),
  mutant('session_open', 'View', 'ignores start', 'getUint8(this.start + 6)', 'getUint8(6)'),
  mutant('session_open', 'View', 'start not kept', '    this.start = start;\n', ''),
  mutant('session_open', 'View', 'bound missing in at', 'start >= 0 && start + 48 <= view.byteLength', 'true'),
  mutant('session_open', 'View', 'constructor forgets start', 'this.at(view, start)', 'this.at(view)'),
  mutant('session_open', 'View', 'low half reads the high one', /(Lo\(\)[^+]*\+) 40/, '$1 44'),
  mutant('session_open', 'View', 'high half reads the low one', /(Hi\(\)[^+]*\+) 44/, '$1 40'),
  mutant(
    'session_open',
    'RULES',
    'two rows swapped',
    /( {2}\{ kind: 'nonzero[^\n]*\n)( {2}\{ kind: 'reserved[^\n]*\n)/,
    '$2$1',
  ),
  mutant('session_open', 'RULES', 'wrong offset of a value', 'offset: 7', 'offset: 6'),
  mutant('session_open', 'RULES', 'wrong length', 'bytes: 48', 'bytes: 47'),
  mutant('session_open', 'OFFSETS', 'wrong offset', 'schemaId: 8', 'schemaId: 9'),
  mutant('session_open', 'BYTES', 'wrong length', '48', '47'),
];
