meta:
  id: tensor_section_descriptor
  title: NNRP/1-preview4 tensor section descriptor
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: TENSOR_SECTION_DESCRIPTOR
    fault-name: tensor_section
doc: Describes one tensor section; the codec table, the length table and the payload follow it.
doc-ref: NNRP/1-preview4 section 7.29
seq:
  - id: role_id
    type: u2
    doc: What the section is for; no values are defined. Sections stand in ascending order of it.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: codec_id
    type: u1
    enum: nnrp_enums::codec_id
    doc: Codec of the tiles that have none of their own; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: dtype_id
    type: u1
    enum: nnrp_enums::dtype_id
    doc: Element type; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: layout_id
    type: u1
    enum: nnrp_enums::layout_id
    doc: Order of the dimensions; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: scale_policy
    type: u1
    enum: nnrp_enums::scale_policy
    doc: How scale factors are given; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: section_flags
    type: u2
    doc: bit 0 = mixed_codec, bit 1 = fixed_stride. Every other bit breaks TSEC-1.
    doc-ref: NNRP/1-preview4 section 7.29
    -nnrp:
      flags: section_flags
  - id: element_count_per_tile
    type: u4
    doc: Number of elements in one tile.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: codec_table_bytes
    type: u4
    doc: Length of the codec table in bytes, one for each tile; 0 without mixed_codec.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: length_table_bytes
    type: u4
    doc: Length of the length table in bytes; it holds one 32-bit length for each tile.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: payload_bytes
    type: u4
    doc: Length of the payload in bytes.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: payload_stride_bytes
    type: u4
    doc: Distance from one tile to the next in bytes; 0 without fixed_stride.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: reserved
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.29
  - id: check_tsec_1
    size: 0
    valid:
      expr: _.length == 0 and ((section_flags & 0xfffc) == 0)
    doc: Only known flags are set.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: TSEC-1
  - id: check_tsec_2
    size: 0
    valid:
      expr: >-
        _.length == 0 and (((section_flags & 0x01) != 0 and codec_table_bytes != 0) or ((section_flags & 0x01)
        == 0 and codec_table_bytes == 0))
    doc: There is a codec table exactly with the flag mixed_codec.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: TSEC-2
  - id: check_tsec_3
    size: 0
    valid:
      expr: >-
        _.length == 0 and (((section_flags & 0x02) != 0 and payload_stride_bytes != 0) or ((section_flags &
        0x02) == 0 and payload_stride_bytes == 0))
    doc: There is a stride exactly with the flag fixed_stride.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: TSEC-3
  - id: check_tsec_4
    size: 0
    valid:
      expr: _.length == 0 and (length_table_bytes % 4 == 0)
    doc: The length table holds whole lengths.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: TSEC-4
