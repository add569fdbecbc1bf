meta:
  id: extension_frame_descriptor
  title: NNRP/1-preview3 extension frame descriptor
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: EXTENSION_FRAME_DESCRIPTOR
    fault-name: extension_frame
doc: Describes one extension frame of a region body. No kind is assigned yet. Defined by the documents only.
doc-ref: NNRP/1-preview3 section 10.6
seq:
  - id: extension_kind
    type: u2
    doc: Kind of extension; none is assigned.
    doc-ref: NNRP/1-preview3 section 10.6
  - id: extension_flags
    type: u2
    valid:
      expr: (_ & 0xfffe) == 0
    doc: How to treat an unknown kind; bit 0 = critical. Every other bit is refused.
    doc-ref: NNRP/1-preview3 section 10.6
    -nnrp:
      flags: extension_flags
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile of the extension; any value is accepted.
    doc-ref: NNRP/1-preview3 section 12.1
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 10.6
  - id: payload_offset
    type: u4
    doc: Offset in the extension payload region, in bytes.
    doc-ref: NNRP/1-preview3 section 10.6
  - id: payload_length
    type: u4
    doc: Length of the payload in bytes.
    doc-ref: NNRP/1-preview3 section 10.6
