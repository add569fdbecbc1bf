meta:
  id: tensor_section_descriptor
  title: NNRP/1-preview3 tensor section descriptor
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: TENSOR_SECTION_DESCRIPTOR
doc: >-
  Describes one tensor section; the codec table, the length table and the payload follow it. Defined by the
  documents only.
doc-ref: NNRP/1-preview3 section 10.7
seq:
  - id: role_id
    type: u2
    doc: What the section is for; no values are defined.
    doc-ref: NNRP/1-preview3 section 10.7
  - id: codec_id
    type: u1
    enum: nnrp_enums::codec_id
    doc: Codec of the payload; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: dtype_id
    type: u1
    enum: nnrp_enums::dtype_id
    doc: Element type; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: layout_id
    type: u1
    enum: nnrp_enums::layout_id
    doc: Order of the dimensions; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: scale_policy
    type: u1
    enum: nnrp_enums::scale_policy
    doc: How scale factors are given; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: flags
    type: u2
    doc: No bits are defined; any value is accepted.
    doc-ref: NNRP/1-preview3 section 10.7
  - id: element_count_per_tile
    type: u4
    doc: Number of elements in one tile.
    doc-ref: NNRP/1-preview3 section 10.7
  - id: codec_table_bytes
    type: u4
    doc: Length of the codec table in bytes.
    doc-ref: NNRP/1-preview3 section 10.7
  - id: length_table_bytes
    type: u4
    doc: Length of the length table in bytes; the table holds one 32-bit length for each tile.
    doc-ref: NNRP/1-preview3 section 10.7
  - id: payload_bytes
    type: u4
    doc: Length of the payload in bytes.
    doc-ref: NNRP/1-preview3 section 10.7
  - id: payload_stride_bytes
    type: u4
    doc: Distance from one tile to the next in bytes; 0 = variable.
    doc-ref: NNRP/1-preview3 section 10.7
  - id: reserved
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 10.7
