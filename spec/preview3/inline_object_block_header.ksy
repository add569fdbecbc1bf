meta:
  id: inline_object_block_header
  title: NNRP/1-preview3 inline object block header
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: INLINE_OBJECT_BLOCK_HEADER
    fault-name: inline_object
doc: >-
  Comes before each inline object in the inline-object region. The object follows, then zero bytes up to a
  multiple of 8. Defined by the documents only.
doc-ref: NNRP/1-preview3 section 10.5
seq:
  - id: object_kind
    type: u2
    enum: nnrp_enums::cache_object_kind
    valid:
      in-enum: true
    doc: Kind of the object; 0 is refused.
    doc-ref: NNRP/1-preview3 section 6
  - id: object_flags
    type: u2
    valid: 0
    doc: No bits are defined; zero.
    doc-ref: NNRP/1-preview3 section 10.5
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile of the object; any value is accepted.
    doc-ref: NNRP/1-preview3 section 12.1
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 10.5
  - id: object_bytes
    type: u4
    doc: Length of the object in bytes, without padding.
    doc-ref: NNRP/1-preview3 section 10.5
  - id: reserved1
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 10.5
