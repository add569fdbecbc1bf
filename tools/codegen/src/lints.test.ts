import { describe, expect, it } from 'vitest';
import { SchemaError } from './diagnostics.js';
import { readLayout } from './generate.js';

/*
 * Each case edits a correct pair of schemas. The mark « in the edit stands where the complaint must point to: file,
 * line and column are read off it.
 */

const ENUMS = `meta:
  id: nnrp_enums
  title: Enumerations
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    flag-sets: [ping_flags]
doc: Names.
doc-ref: section 1
enums:
  message_type:
    0x01:
      id: ping
      doc: Ping.
      doc-ref: section 1
      -nnrp:
        direction: both
        metadata: ping
        session-id: zero
        frame-id: zero
        body: none
  color:
    0:
      id: red
      doc: Red.
      doc-ref: section 1
    1:
      id: blue
      doc: Blue.
      doc-ref: section 1
  ping_flags:
    0x01:
      id: one
      doc: One.
      doc-ref: section 1
    0x02:
      id: two
      doc: Two.
      doc-ref: section 1
`;

const PING = `meta:
  id: ping
  title: Ping
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: PING
doc: Ping.
doc-ref: section 2
seq:
  - id: flags
    type: u4
    valid:
      expr: (_ & ~0x03) == 0
    doc: Flags.
    doc-ref: section 2
    -nnrp:
      flags: ping_flags
  - id: color
    type: u1
    enum: nnrp_enums::color
    valid:
      in-enum: true
    doc: Color.
    doc-ref: section 2
  - id: reserved0
    type: u1
    valid: 0
    doc: Reserved.
    doc-ref: section 2
  - id: count
    type: u2
    doc: Count.
    doc-ref: section 2
  - id: total
    type: u8
    doc: Total.
    doc-ref: section 2
  - id: check_ping_1
    size: 0
    valid:
      expr: count != 0 or color.to_i == 0
    doc: A count or no color.
    doc-ref: section 2
    -nnrp:
      rule: PING-1
`;

const PACKET = `meta:
  id: nnrp_packet
doc: Packet.
doc-ref: section 3
seq:
  - id: header
    type: ping
    doc: Header.
    doc-ref: section 3
`;

const FILES = { 'nnrp_enums.ksy': ENUMS, 'ping.ksy': PING, 'nnrp_packet.ksy': PACKET };

type FileName = keyof typeof FILES;

/** Everything that is complained about, after one edit. */
function problemsOf(files: Readonly<Record<string, string>>): readonly string[] {
  try {
    readLayout('test', new Map(Object.entries(files)));
    return [];
  } catch (error) {
    if (error instanceof SchemaError) return error.problems;
    throw error;
  }
}

/** [what, file, text to replace, replacement with «, message] */
type Case = readonly [what: string, file: FileName, from: string, to: string, message: string];

const FLAGS = PING.slice(PING.indexOf('- id: flags'), PING.indexOf('  - id: color'));
const RULE = 'expr: count != 0 or color.to_i == 0';

const CASES: readonly Case[] = [
  ['an unquoted ks-version', 'ping.ksy', "ks-version: '0.11'", 'ks-version: «0.11', 'ks-version must be quoted'],
  ['a missing ks-version', 'ping.ksy', "  ks-version: '0.11'\n", '', "ks-version: '0.11' is missing"],
  ['a missing endian', 'ping.ksy', '  endian: le\n', '', 'endian: le is missing'],
  ['an id that is not the file name', 'ping.ksy', 'id: ping', 'id: «pong', "id 'pong' must equal the file name 'ping'"],
  ['a missing meta', 'ping.ksy', PING.slice(0, PING.indexOf('doc: Ping')), '', 'meta is missing'],
  ['an unknown key of a schema', 'ping.ksy', 'seq:', '«types: {}\nseq:', "unsupported key 'types'"],
  [
    'an unknown key of a field',
    'ping.ksy',
    '    doc: Count.',
    '    «repeat: eos\n    doc: Count.',
    "unsupported key 'repeat'",
  ],
  [
    'an unknown key of valid',
    'ping.ksy',
    'in-enum: true',
    '«any-of: [1]\n      in-enum: true',
    "unsupported key 'any-of'",
  ],
  ['an unknown vendor key', 'ping.ksy', 'rule: PING-1', '«rules: PING-1', "unsupported key 'rules'"],
  ['a missing doc of a schema', 'ping.ksy', 'doc: Ping.\n', '', 'schema: doc is missing'],
  [
    'a missing doc of a field',
    'ping.ksy',
    '- id: count\n    type: u2\n    doc: Count.',
    '- «id: count\n    type: u2',
    'field count: doc is missing',
  ],
  [
    'a missing doc-ref of a field',
    'ping.ksy',
    '- id: count\n    type: u2\n    doc: Count.\n    doc-ref: section 2',
    '- «id: count\n    type: u2\n    doc: Count.',
    'field count: doc-ref is missing',
  ],
  [
    'a missing doc of an enum value',
    'nnrp_enums.ksy',
    '    1:\n      id: blue\n      doc: Blue.',
    '    «1:\n      id: blue',
    'enum value blue: doc is missing',
  ],
  [
    'a missing doc-ref of an enum value',
    'nnrp_enums.ksy',
    '    1:\n      id: blue\n      doc: Blue.\n      doc-ref: section 1',
    '    «1:\n      id: blue\n      doc: Blue.',
    'enum value blue: doc-ref is missing',
  ],
  [
    'a missing doc in the packet',
    'nnrp_packet.ksy',
    '- id: header\n    type: ping\n    doc: Header.',
    '- «id: header\n    type: ping',
    'field header: doc is missing',
  ],
  ['a field id used twice', 'ping.ksy', '- id: total', '- «id: count', 'field count: the id is used twice'],
  ['an id in capitals', 'ping.ksy', '- id: total', '- «id: Total', "'Total' is not a lower-case identifier"],
  ['broken YAML', 'ping.ksy', 'doc: Ping.', 'doc: [Ping.\ndoc: Ping.', 'Flow sequence'],
  [
    'an unknown type',
    'ping.ksy',
    '- id: total\n    type: u8',
    '- «id: total\n    type: s4',
    'type must be u1, u2, u4 or u8, got s4',
  ],
  [
    'an unknown enum',
    'ping.ksy',
    '- id: color\n    type: u1\n    enum: nnrp_enums::color',
    '- «id: color\n    type: u1\n    enum: nnrp_enums::hue',
    "enum 'hue' does not exist",
  ],
  [
    'unknown flags',
    'ping.ksy',
    FLAGS,
    FLAGS.replace('id:', '«id:').replace('ping_flags', 'color'),
    "'color' is not listed",
  ],
  [
    'in-enum without enum',
    'ping.ksy',
    '    enum: nnrp_enums::color\n    valid:\n      in-enum',
    '    valid:\n      «in-enum',
    'in-enum without enum hangs',
  ],
  ['in-enum: false', 'ping.ksy', 'in-enum: true', '«in-enum: false', 'in-enum must be true'],
  [
    'two kinds in one valid',
    'ping.ksy',
    'in-enum: true',
    '«in-enum: true\n      expr: _ != 1',
    'one kind of check, got in-enum, expr',
  ],
  [
    'a scalar valid above 0x7fffffff',
    'ping.ksy',
    '- id: count\n    type: u2\n',
    '- id: count\n    type: u4\n    valid: «0x80000000\n',
    'a scalar valid of 0x80000000 or more',
  ],
  [
    'a constant without a kind',
    'ping.ksy',
    '    valid: 0',
    '    valid: «7',
    'a constant other than 0 needs -nnrp/kind',
  ],
  ['a constant wider than its field', 'ping.ksy', '    valid: 0', '    valid: «256', '256 does not fit u8'],
  [
    'a mask other than its flags',
    'ping.ksy',
    'expr: (_ & ~0x03) == 0',
    'expr: «(_ & ~0x07) == 0',
    "mask 0x7 but 'ping_flags' has 0x3",
  ],
  [
    'a mask without flags',
    'ping.ksy',
    'expr: (_ & ~0x03) == 0\n    doc: Flags.\n    doc-ref: section 2\n    -nnrp:\n      flags: ping_flags',
    'expr: «(_ & ~0x03) == 0\n    doc: Flags.\n    doc-ref: section 2',
    'a mask needs -nnrp/flags',
  ],
  [
    'a field check that is no mask',
    'ping.ksy',
    'expr: (_ & ~0x03) == 0',
    'expr: «_ < 4',
    'valid/expr on a field must be (_ & ~mask) == 0',
  ],
  ['a forward reference', 'ping.ksy', 'expr: (_ & ~0x03) == 0', 'expr: «count == 0', "'count' is not an earlier field"],
  ['a name that does not exist', 'ping.ksy', RULE, 'expr: «counter != 0', "'counter' is not an earlier field"],
  [
    'bits compared with another number than 0',
    'ping.ksy',
    RULE,
    'expr: «(count & 1) == 1',
    'may only be compared with 0',
  ],
  [
    'bits used in arithmetic',
    'ping.ksy',
    RULE,
    'expr: «(count & 1) + 1 == 1',
    'may not take the result of a bitwise operator',
  ],
  [
    'a bitwise operator on a u8',
    'ping.ksy',
    RULE,
    'expr: «(total & 1) != 0',
    "'&' on the 64-bit field 'total': no exact result in JavaScript",
  ],
  ['an enum without .to_i', 'ping.ksy', RULE, 'expr: «(color & 1) != 0', "'color' is an enum: use color.to_i"],
  ['a condition that is a number', 'ping.ksy', RULE, 'expr: «count + 1', 'is not a condition'],
  ['a number where a condition belongs', 'ping.ksy', RULE, 'expr: «count != 0 or color.to_i', "'or' takes conditions"],
  ['_ in a rule', 'ping.ksy', RULE, 'expr: «_ != 0', "'_' has no value"],
  ['an unbalanced expression', 'ping.ksy', RULE, 'expr: «(count != 0', "expected ')'"],
  ['text after an expression', 'ping.ksy', RULE, 'expr: «count != 0 count', "unexpected 'count'"],
  [
    'a rule that is not a zero-size check',
    'ping.ksy',
    '- id: check_ping_1\n    size: 0',
    '- «id: check_ping_1\n    size: 1',
    'a rule is a field of size 0',
  ],
  [
    'a field after a rule',
    'ping.ksy',
    '- id: check_ping_1\n',
    '- id: check_ping_0\n    size: 0\n    valid: {expr: count != 1}\n    doc: Rule.\n    doc-ref: section 2\n    -nnrp: {rule: PING-0}\n  - «id: late\n    type: u1\n    doc: Late.\n    doc-ref: section 2\n  - id: check_ping_1\n',
    'rule checks must stand last',
  ],
  [
    'a listed check that is none',
    'ping.ksy',
    'wire-name: PING',
    'wire-name: PING\n    checks: [flags, color, reserved0, check_ping_1, «count]',
    "checks: 'count' has no check",
  ],
  [
    'a check left out of the list',
    'ping.ksy',
    'wire-name: PING',
    'wire-name: PING\n    checks: [flags, color, reserved0]',
    "checks: 'check_ping_1' is not listed",
  ],
  ['a flag of two bits', 'nnrp_enums.ksy', '    0x02:\n', '    «0x06:\n', '6 is not a single bit'],
  [
    'a flag set that does not exist',
    'nnrp_enums.ksy',
    '[ping_flags]',
    '[ping_flags, pong_flags]',
    "'pong_flags' does not exist",
  ],
  [
    'an enum name used twice',
    'nnrp_enums.ksy',
    '    1:\n      id: blue',
    '    «1:\n      id: red',
    "'red' stands twice",
  ],
  [
    'an enum key that is no number',
    'nnrp_enums.ksy',
    '    1:\n      id: blue',
    '    «one:\n      id: blue',
    'the key must be an integer',
  ],
  [
    'a message without its row',
    'nnrp_enums.ksy',
    '    0x01:\n      id: ping\n      doc: Ping.',
    '    «0x02:\n      id: pong\n      doc: Pong.\n      doc-ref: section 1\n    0x01:\n      id: ping\n      doc: Ping.',
    'row of the message table is missing',
  ],
  [
    'a message with unknown metadata',
    'nnrp_enums.ksy',
    '    0x01:\n      id: ping\n      doc: Ping.\n      doc-ref: section 1\n      -nnrp:\n        direction: both\n        metadata: ping',
    '    «0x01:\n      id: ping\n      doc: Ping.\n      doc-ref: section 1\n      -nnrp:\n        direction: both\n        metadata: pong',
    "no schema 'pong'",
  ],
  [
    'a message with an unknown direction',
    'nnrp_enums.ksy',
    '    0x01:\n      id: ping\n      doc: Ping.\n      doc-ref: section 1\n      -nnrp:\n        direction: both',
    '    «0x01:\n      id: ping\n      doc: Ping.\n      doc-ref: section 1\n      -nnrp:\n        direction: up',
    'direction must be one of',
  ],
];

describe('schema lints', () => {
  it('accept the schemas that the cases start from', () => {
    expect(problemsOf(FILES)).toEqual([]);
  });

  it.each(CASES)('report %s with its place', (_, file, from, to, message) => {
    expect(FILES[file].split(from), 'the edit fits one place').toHaveLength(2);
    const marked = FILES[file].replace(from, () => to);
    const before = marked.slice(0, Math.max(0, marked.indexOf('«'))).split('\n');
    const line = marked.includes('«') ? `${before.length}:${before.at(-1)!.length + 1}` : '\\d+:\\d+';
    const problems = problemsOf({ ...FILES, [file]: marked.replace('«', '') });
    const place = new RegExp(`^spec/test/${file}:${line}: `);
    const found = problems.filter((problem) => place.test(problem) && problem.includes(message));
    expect(found, `problems were: ${problems.join(' | ')}`).toHaveLength(1);
  });

  it('report every problem at once', () => {
    const ping = PING.replace("'0.11'", '0.11').replace('    doc: Count.\n', '').replace('repeat', 'x');
    const enums = ENUMS.replace('      doc: Blue.\n', '');
    expect(problemsOf({ ...FILES, 'ping.ksy': ping, 'nnrp_enums.ksy': enums })).toHaveLength(3);
  });
});
