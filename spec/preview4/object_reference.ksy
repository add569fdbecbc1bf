meta:
  id: object_reference
  title: NNRP/1-preview4 OBJECT_REFERENCE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: OBJECT_REFERENCE
doc: >-
  OBJECT_REF: an operation uses an object, or a range of it. The body is metadata of the application.
doc-ref: NNRP/1-preview4 section 7.23
seq:
  - id: object_id
    type: u8
    doc: Object.
    doc-ref: NNRP/1-preview4 section 7.23
  - id: operation_id
    type: u8
    doc: Operation that uses the object; 0 = the session.
    doc-ref: NNRP/1-preview4 section 7.23
  - id: object_version
    type: u8
    doc: Version of the object.
    doc-ref: NNRP/1-preview4 section 7.23
  - id: offset
    type: u8
    doc: Where the range starts, in bytes of the object.
    doc-ref: NNRP/1-preview4 section 7.23
  - id: length
    type: u8
    doc: Length of the range in bytes.
    doc-ref: NNRP/1-preview4 section 7.23
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffff8) == 0
    doc: bit 0 = borrowed, bit 1 = mutable, bit 2 = region_present. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.23
    -nnrp:
      flags: object_reference_flags
  - id: metadata_bytes
    type: u4
    doc: Length of the metadata of the application, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.23
