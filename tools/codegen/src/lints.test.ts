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
  title: Packet
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports:
    - nnrp_enums
    - ping
doc: Packet.
doc-ref: section 3
seq:
  - id: header
    type: ping
    doc: Header.
    doc-ref: section 3
  - id: check_body_none
    size: 0
    if: header.message_type == nnrp_enums::message_type::ping
    valid:
      expr: header.body_len == 0
    doc: No body.
    doc-ref: section 3
    -nnrp:
      kind: unexpected_body
  - id: metadata
    size: header.meta_len
    type:
      switch-on: header.message_type
      cases:
        nnrp_enums::message_type::ping: ping
    doc: Metadata.
    doc-ref: section 3
instances:
  expected_meta_len:
    value: >-
      header.message_type == nnrp_enums::message_type::ping ? sizeof<ping> :
      0
    doc: Length.
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
const IMPORTING = PING.slice(PING.indexOf('  imports'), PING.indexOf('nnrp_enums::color'));
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
    'valid/expr on a field must be (_ & refused bits) == 0',
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
  [
    'another ks-version',
    'ping.ksy',
    "ks-version: '0.11'",
    "ks-version: «'0.10'",
    "ks-version must be '0.11', got '0.10'",
  ],
  ['a missing title', 'ping.ksy', '  title: Ping\n', '', 'meta: title is missing'],
  ['an empty title', 'ping.ksy', 'title: Ping', "title: «''", 'meta: title is empty'],
  ['a missing license', 'ping.ksy', '  license: Apache-2.0\n', '', 'meta: license is missing'],
  ['an empty doc of a field', 'ping.ksy', 'doc: Count.', "doc: «' '", 'field count: doc is empty'],
  [
    'an empty doc-ref of a schema',
    'ping.ksy',
    'doc: Ping.\ndoc-ref: section 2',
    "doc: Ping.\ndoc-ref: «''",
    'doc-ref is empty',
  ],
  ['an empty doc of an enum value', 'nnrp_enums.ksy', 'doc: Blue.', "doc: «''", 'enum value blue: doc is empty'],
  [
    'a missing import of the enums',
    'ping.ksy',
    IMPORTING,
    IMPORTING.replace('  imports: [nnrp_enums]\n', '').replace('enum: ', 'enum: «'),
    'meta/imports lacks nnrp_enums',
  ],
  [
    'an enum without its prefix',
    'ping.ksy',
    'enum: nnrp_enums::color',
    'enum: «color',
    'write enum: nnrp_enums::color',
  ],
  ['a schema without fields', 'ping.ksy', PING.slice(PING.indexOf('seq:')), 'seq: []\n', 'neither fields nor enums'],
  ['a wire name in small letters', 'ping.ksy', 'wire-name: PING', 'wire-name: «Ping', 'is not in capitals'],
  ['a rule without a number', 'ping.ksy', 'rule: PING-1', 'rule: «PING', "'PING' does not match"],
  ['an id with two underscores', 'ping.ksy', '- id: total', '- «id: to__tal', "'to__tal' is not a lower-case"],
  ['a reserved word as id', 'ping.ksy', '- id: total', '- «id: class', "'class' is taken"],
  ['a local name of the codecs as id', 'ping.ksy', '- id: total', '- «id: start', "'start' is taken"],
  ['a helper of the codecs as id', 'ping.ksy', '- id: total', '- «id: out_of_range', "'outOfRange' is taken"],
  ['a member of every object as id', 'ping.ksy', '- id: total', '- «id: to_string', "'toString' is taken"],
  [
    'two ids with one property',
    'ping.ksy',
    '- id: total\n    type: u8\n',
    '- id: part_1\n    type: u8\n    doc: Part.\n    doc-ref: section 2\n  - «id: part1\n    type: u8\n',
    "'part1' is also a property of field part_1",
  ],
  [
    'an id that is the half of another',
    'ping.ksy',
    '  - id: check_ping_1\n',
    '  - «id: total_lo\n    type: u4\n    doc: Low.\n    doc-ref: section 2\n  - id: check_ping_1\n',
    "'totalLo' is also a property of field total",
  ],
  [
    'a kind that no value can have',
    'ping.ksy',
    'valid: 0\n    doc: Reserved.\n    doc-ref: section 2\n',
    'valid: 7\n    doc: Reserved.\n    doc-ref: section 2\n    -nnrp:\n      kind: «invalid_magic\n',
    "kind must be one of invalid_header_length, unsupported_version_major, unsupported_wire_format, unknown_message_type, got 'invalid_magic'",
  ],
  [
    'a kind on a field that takes anything',
    'ping.ksy',
    'doc: Count.\n',
    'doc: Count.\n    -nnrp:\n      kind: «unsupported_wire_format\n',
    'kind needs a constant or in-enum',
  ],
  [
    'an enum wider than its field',
    'nnrp_enums.ksy',
    '    1:\n      id: blue',
    '    «0x100000000:\n      id: blue',
    'enum color: 4294967296 does not fit 32 bits',
  ],
  ['a negative enum value', 'nnrp_enums.ksy', '    1:\n      id: blue', '    «-1:\n      id: blue', '-1 does not fit'],
  [
    'two enum names that are one in TypeScript',
    'nnrp_enums.ksy',
    '      id: red\n      doc: Red.\n      doc-ref: section 1\n    1:\n      id: blue',
    '      id: red_1\n      doc: Red.\n      doc-ref: section 1\n    «1:\n      id: red1',
    "'red1' and 'red_1' are both Red1",
  ],
  [
    'a message type that is no byte',
    'nnrp_enums.ksy',
    '    0x01:\n      id: ping\n',
    '    «0x101:\n      id: ping\n',
    'message ping: the type 257 does not fit a byte',
  ],
  ['an unquoted ks-version of the packet', 'nnrp_packet.ksy', "'0.11'", '«0.11', 'ks-version must be quoted'],
  [
    'a packet id that is not the file name',
    'nnrp_packet.ksy',
    'id: nnrp_packet',
    'id: «packet',
    'must equal the file name',
  ],
  ['a packet without byte order', 'nnrp_packet.ksy', '  endian: le\n', '', 'endian: le is missing'],
  [
    'a vendor key in the meta of the packet',
    'nnrp_packet.ksy',
    '  endian: le',
    '  «-nnrp: {}\n  endian: le',
    "unsupported key '-nnrp'",
  ],
  ['an import that the packet lacks', 'nnrp_packet.ksy', '    - ping\n', '', "meta/imports: 'ping' is missing"],
  [
    'an import of the packet that does not exist',
    'nnrp_packet.ksy',
    '    - ping\n',
    '    - ping\n    - «pong\n',
    "no schema 'pong'",
  ],
  [
    'a packet field id used twice',
    'nnrp_packet.ksy',
    '- id: metadata',
    '- «id: header',
    'field header: the id is used twice',
  ],
  [
    'a scalar valid above 0x7fffffff in the packet',
    'nnrp_packet.ksy',
    'valid:\n      expr: header.body_len == 0',
    'valid: «0x80000000',
    'a scalar valid of 0x80000000 or more',
  ],
  [
    'two kinds in one valid of the packet',
    'nnrp_packet.ksy',
    '      expr: header.body_len == 0',
    '      «expr: header.body_len == 0\n      min: 1',
    'one kind of check, got expr, min',
  ],
  [
    'an unknown vendor key of the packet',
    'nnrp_packet.ksy',
    'kind: unexpected',
    '«kinds: unexpected',
    "unsupported key 'kinds'",
  ],
  [
    'an unknown kind of the packet',
    'nnrp_packet.ksy',
    'kind: unexpected_body',
    'kind: «surprise',
    'kind must be one of',
  ],
  ['another vendor of the packet', 'nnrp_packet.ksy', '    -nnrp:', '    «-nnpr:', "unsupported key '-nnpr'"],
  [
    'a missing doc of an instance',
    'nnrp_packet.ksy',
    PACKET.slice(PACKET.indexOf('  expected_meta_len')),
    "  «expected_meta_len:\n    value: '0'\n    doc-ref: section 3\n",
    'instance expected_meta_len: doc is missing',
  ],
  [
    'an empty doc of an instance',
    'nnrp_packet.ksy',
    'doc: Length.',
    "doc: «''",
    'instance expected_meta_len: doc is empty',
  ],
  [
    'a default case',
    'nnrp_packet.ksy',
    '        nnrp_enums::message_type::ping: ping\n',
    '        «_: ping\n',
    "no metadata for '_'",
  ],
  [
    'a case left out',
    'nnrp_packet.ksy',
    '        nnrp_enums::message_type::ping: ping\n',
    '        «_: ping\n',
    "cases: 'ping' is missing",
  ],
  [
    'a case of an unknown message',
    'nnrp_packet.ksy',
    '::ping: ping\n',
    '::ping: ping\n        «nnrp_enums::message_type::pong: ping\n',
    "no metadata for 'pong'",
  ],
  [
    'a case with the wrong structure',
    'nnrp_packet.ksy',
    '::ping: ping\n',
    '::ping: «color\n',
    "has 'ping' in the message table, not 'color'",
  ],
  [
    'a packet without cases',
    'nnrp_packet.ksy',
    'switch-on: header.message_type',
    'switch-on: header.kind',
    'no field switches on',
  ],
  [
    'a length left out',
    'nnrp_packet.ksy',
    'value: >-\n      header.message_type == nnrp_enums::message_type::ping ? sizeof<ping> :\n      0',
    "value: «'0'",
    "expected_meta_len: 'ping' is missing",
  ],
  [
    'a length of the wrong structure',
    'nnrp_packet.ksy',
    'value: >-\n      header.message_type == nnrp_enums::message_type::ping ? sizeof<ping>',
    'value: «>-\n      header.message_type == nnrp_enums::message_type::ping ? sizeof<color>',
    "has 'ping' in the message table, not 'color'",
  ],
  [
    'a length of an unknown message',
    'nnrp_packet.ksy',
    'value: >-\n',
    'value: «>-\n      header.message_type == nnrp_enums::message_type::pong ? sizeof<ping> :\n',
    "no metadata for 'pong'",
  ],
  [
    'a length that stands twice',
    'nnrp_packet.ksy',
    'value: >-\n',
    'value: «>-\n      header.message_type == nnrp_enums::message_type::ping ? sizeof<ping> :\n',
    "'ping' stands twice",
  ],
  [
    'a length that is a number',
    'nnrp_packet.ksy',
    'value: >-\n',
    'value: «>-\n      header.message_type == nnrp_enums::message_type::pong ? 4 :\n',
    "is not 'header.message_type == x ? sizeof<y>'",
  ],
  [
    'a length for messages without metadata',
    'nnrp_packet.ksy',
    'value: >-\n      header.message_type == nnrp_enums::message_type::ping ? sizeof<ping> :\n      0',
    'value: «>-\n      header.message_type == nnrp_enums::message_type::ping ? sizeof<ping> :\n      4',
    'the last branch must be 0',
  ],
  [
    'a packet without lengths',
    'nnrp_packet.ksy',
    '  expected_meta_len:',
    '  meta_length:',
    'instance expected_meta_len is missing',
  ],
  [
    'a body check that is not there',
    'nnrp_packet.ksy',
    '- id: check_body_none',
    '- id: check_body',
    "no check with 'if' for check_body_none",
  ],
  [
    'a body check of an unknown message',
    'nnrp_packet.ksy',
    'if: header.message_type == nnrp_enums::message_type::ping',
    'if: «header.message_type == nnrp_enums::message_type::pong',
    "'pong' does not belong there",
  ],
  [
    'a body check without a message',
    'nnrp_packet.ksy',
    'if: header.message_type == nnrp_enums::message_type::ping',
    "if: «'true'",
    "check_body_none: 'ping' is missing",
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

  it('report two structures with one wire name', () => {
    const pong = PING.replace('id: ping', 'id: pong');
    expect(problemsOf({ ...FILES, 'pong.ksy': pong })).toEqual([
      "spec/test/pong.ksy:9:16: wire-name 'PING' is also that of ping",
    ]);
  });

  it('report exported names and modules that clash', () => {
    const structs = {
      ...FILES,
      'ping_view.ksy': PING.replace('id: ping', 'id: ping_view').replace(': PING', ': VIEW'),
    };
    expect(problemsOf(structs)).toEqual([
      "spec/test/ping_view.ksy:1:1: schema ping_view: the name 'PingView' belongs to schema ping",
    ]);
    const enums = { ...FILES, 'color.ksy': PING.replace('id: ping', 'id: color').replace(': PING', ': COLOR') };
    expect(problemsOf(enums)).toEqual([
      "spec/test/color.ksy:1:1: schema color: the name 'Color' belongs to enum color",
    ]);
    const named = {
      ...FILES,
      'color_name.ksy': PING.replace('id: ping', 'id: color_name').replace(': PING', ': NAME'),
    };
    expect(problemsOf(named)).toEqual([
      "spec/test/color_name.ksy:1:1: schema color_name: the name 'ColorName' belongs to enum color",
    ]);
    const modules = { ...FILES, 'flags.ksy': PING.replace('id: ping', 'id: flags').replace(': PING', ': FLAGS') };
    expect(problemsOf(modules)).toEqual(["spec/test/flags.ksy:1:1: schema flags: the module 'flags' is taken"]);
  });

  it('report an enum or flags wider than the field that has them', () => {
    const wide = ENUMS.replace('    1:\n      id: blue', '    0x100:\n      id: blue');
    expect(problemsOf({ ...FILES, 'nnrp_enums.ksy': wide })).toEqual([
      "spec/test/ping.ksy:23:11: field color: 256 of enum 'color' does not fit u1",
    ]);
    const flags = PING.replace(
      'doc: Count.\n    doc-ref: section 2',
      'doc: Count.\n    doc-ref: section 2\n    -nnrp: {flags: ping_flags}',
    );
    const wideFlags = ENUMS.replace('    0x02:', '    0x10000:');
    expect(problemsOf({ ...FILES, 'ping.ksy': flags, 'nnrp_enums.ksy': wideFlags })).toContain(
      "spec/test/ping.ksy:37:20: field count: 65536 of flag set 'ping_flags' does not fit u2",
    );
  });

  it('report the checks of messages without metadata that differ from the table', () => {
    const enums = ENUMS.replace('        metadata: ping\n', '').replace(
      'body: none',
      'body: none\n        header-only: CTRL-1',
    );
    const problems = problemsOf({ ...FILES, 'nnrp_enums.ksy': enums });
    expect(problems).toEqual([
      "spec/test/nnrp_packet.ksy:31:9: cases: the message table has no metadata for 'ping'",
      "spec/test/nnrp_packet.ksy:36:12: expected_meta_len: the message table has no metadata for 'ping'",
      "spec/test/nnrp_packet.ksy:1:1: schema: no check with 'if' for CTRL-1",
      "spec/test/nnrp_packet.ksy:19:9: check_body_none: 'ping' does not belong there by the message table",
    ]);
  });

  it('report every problem at once', () => {
    const ping = PING.replace("'0.11'", '0.11').replace('    doc: Count.\n', '').replace('repeat', 'x');
    const enums = ENUMS.replace('      doc: Blue.\n', '');
    expect(problemsOf({ ...FILES, 'ping.ksy': ping, 'nnrp_enums.ksy': enums })).toHaveLength(3);
  });
});
