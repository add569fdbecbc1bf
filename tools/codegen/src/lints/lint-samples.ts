import { SchemaError } from '../diagnostics.js';
import { readLayout } from '../generate.js';

export const ENUMS = `meta:
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

export const PING = `meta:
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

export const PACKET = `meta:
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

export const FILES = { 'nnrp_enums.ksy': ENUMS, 'ping.ksy': PING, 'nnrp_packet.ksy': PACKET };

export type FileName = keyof typeof FILES;

/** Everything that is complained about, after one edit. */
export function problemsOf(files: Readonly<Record<string, string>>): readonly string[] {
  try {
    readLayout('test', new Map(Object.entries(files)));
    return [];
  } catch (error) {
    if (error instanceof SchemaError) return error.problems;
    throw error;
  }
}

/** [what, file, text to replace, replacement with «, message] */
export type Case = readonly [what: string, file: FileName, from: string, to: string, message: string];

export const FLAGS = PING.slice(PING.indexOf('- id: flags'), PING.indexOf('  - id: color'));
export const IMPORTING = PING.slice(PING.indexOf('  imports'), PING.indexOf('nnrp_enums::color'));
export const RULE = 'expr: count != 0 or color.to_i == 0';
