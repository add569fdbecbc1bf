meta:
  id: common_header
  title: NNRP/1-preview3 common header
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: HEADER
    checks: [magic, version_major, wire_format, header_len, flags, message_type]
doc: >-
  The 40 bytes that start every packet: protocol mark, message type, the lengths of metadata and body, and the
  ids that route the message.
doc-ref: NNRP/1-preview3 section 3
seq:
  - id: magic
    contents: NNRP
    doc: Protocol mark, the four ASCII letters NNRP.
    doc-ref: NNRP/1-preview3 section 3
    -nnrp:
      kind: invalid_magic
  - id: version_major
    type: u1
    valid: 1
    doc: Major protocol version; 1.
    doc-ref: NNRP/1-preview3 section 3
    -nnrp:
      kind: unsupported_version_major
  - id: wire_format
    type: u1
    valid: 0
    doc: Id of the encoding of everything after the header; 0 is the only one.
    doc-ref: NNRP/1-preview3 section 3
    -nnrp:
      kind: unsupported_wire_format
  - id: message_type
    type: u1
    enum: nnrp_enums::message_type
    valid:
      in-enum: true
    doc: Which message this is; it selects the metadata structure and the rules for ids and lengths.
    doc-ref: NNRP/1-preview3 section 4
    -nnrp:
      kind: unknown_message_type
  - id: header_len
    type: u1
    valid: 40
    doc: Length of this header in bytes; 40.
    doc-ref: NNRP/1-preview3 section 3
    -nnrp:
      kind: invalid_header_length
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xffffffc0) == 0
    doc: >-
      Delivery hints; bit 0 = ack_required, bit 1 = can_drop, bit 2 = stale, bit 3 = eos, bit 4 = retransmit,
      bit 5 = keyframe. Every other bit is refused.
    doc-ref: NNRP/1-preview3 section 8.1
    -nnrp:
      flags: header_flags
  - id: meta_len
    type: u4
    doc: Length of the metadata in bytes. The sum with body_len must not exceed 0xffffffff.
    doc-ref: NNRP/1-preview3 section 3
  - id: body_len
    type: u4
    doc: Length of the body in bytes. The sum with meta_len must not exceed 0xffffffff.
    doc-ref: NNRP/1-preview3 section 3
  - id: session_id
    type: u4
    doc: >-
      Session the message belongs to; 0 is connection scope. Which messages need zero or non-zero is listed with
      message_type.
    doc-ref: NNRP/1-preview3 section 5
  - id: frame_id
    type: u4
    doc: >-
      Unit of work inside the session; 0 when the message concerns none. The operation id of a submit is this
      value.
    doc-ref: NNRP/1-preview3 section 5
  - id: view_id
    type: u2
    doc: Logical lane inside the session; any value is accepted.
    doc-ref: NNRP/1-preview3 section 3
  - id: route_id
    type: u2
    doc: Routing id, kept for later use; any value is accepted.
    doc-ref: NNRP/1-preview3 section 3
  - id: trace_id
    type: u8
    doc: Tracing id; any value is accepted and none is echoed.
    doc-ref: NNRP/1-preview3 section 3
