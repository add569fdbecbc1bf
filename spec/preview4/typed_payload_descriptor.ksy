meta:
  id: typed_payload_descriptor
  title: NNRP/1-preview4 typed payload descriptor
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: TYPED_PAYLOAD_DESCRIPTOR
    checks: [reserved0, payload_kind, descriptor_flags]
doc: >-
  Describes one typed payload: its kind, profile and schema, and where its bytes are in the frame region.
doc-ref: NNRP/1-preview4 section 7.4
seq:
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile of the payload; any value is accepted here.
    doc-ref: NNRP/1-preview4 section 7.4
  - id: payload_kind
    type: u1
    enum: nnrp_enums::payload_kind
    valid:
      in-enum: true
    doc: >-
      What the payload is: one kind.
    doc-ref: NNRP/1-preview4 section 7.4
  - id: descriptor_flags
    type: u1
    valid:
      expr: (_ & 0xf0) == 0
    doc: >-
      bit 0 = terminal, bit 1 = partial, bit 2 = schema_override, bit 3 = profile_hint_present. Every other bit
      is refused.
    doc-ref: NNRP/1-preview4 section 7.4
    -nnrp:
      flags: descriptor_flags
  - id: schema_id
    type: u4
    doc: Schema of the payload; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.4
  - id: schema_version
    type: u4
    doc: Version of the schema.
    doc-ref: NNRP/1-preview4 section 7.4
  - id: stream_semantics
    type: u2
    enum: nnrp_enums::stream_semantics
    doc: How payloads of the stream add up; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.4
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.4
  - id: offset
    type: u4
    doc: Where the payload starts, in bytes from the start of the frame region.
    doc-ref: NNRP/1-preview4 section 7.4
  - id: length
    type: u4
    doc: Length of the payload in bytes.
    doc-ref: NNRP/1-preview4 section 7.4
