meta:
  id: typed_payload_descriptor
  title: NNRP/1-preview3 typed payload descriptor
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: TYPED_PAYLOAD_DESCRIPTOR
doc: >-
  Describes one typed payload frame in the body of FRAME_SUBMIT or RESULT_PUSH. The descriptors stand back to
  back before the frames.
doc-ref: NNRP/1-preview3 section 7.22
seq:
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile of the frame; the region rules restrict it.
    doc-ref: NNRP/1-preview3 section 12.1
  - id: descriptor_flags
    type: u2
    valid:
      expr: (_ & 0xfff0) == 0
    doc: >-
      Place of the frame in its stream; bit 0 = terminal, bit 1 = partial, bit 2 = schema_override, bit 3 =
      profile_hint_present. Every other bit is refused; terminal with partial is accepted.
    doc-ref: NNRP/1-preview3 section 8.13
    -nnrp:
      flags: descriptor_flags
  - id: schema_id
    type: u4
    doc: Schema of the frame.
    doc-ref: NNRP/1-preview3 section 7.22
  - id: schema_version
    type: u4
    doc: Version of the schema.
    doc-ref: NNRP/1-preview3 section 7.22
  - id: stream_semantics
    type: u2
    enum: nnrp_enums::stream_semantics
    doc: How the stream is read; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.22
  - id: offset
    type: u4
    doc: Offset of the frame in the frame region, in bytes.
    doc-ref: NNRP/1-preview3 section 7.22
  - id: length
    type: u4
    doc: Length of the frame in bytes.
    doc-ref: NNRP/1-preview3 section 7.22
