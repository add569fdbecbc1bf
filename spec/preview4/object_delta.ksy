meta:
  id: object_delta
  title: NNRP/1-preview4 OBJECT_DELTA metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: OBJECT_DELTA
doc: >-
  OBJECT_PATCH and OBJECT_DELTA: either side changes a region of an object. The body is metadata of the
  application, then the delta.
doc-ref: NNRP/1-preview4 section 7.25
seq:
  - id: object_id
    type: u8
    doc: Object.
    doc-ref: NNRP/1-preview4 section 7.25
  - id: delta_sequence
    type: u8
    doc: Counter of the changes of the object.
    doc-ref: NNRP/1-preview4 section 7.25
  - id: region_offset
    type: u8
    doc: Where the region starts, in bytes of the object.
    doc-ref: NNRP/1-preview4 section 7.25
  - id: region_bytes
    type: u4
    doc: Length of the region in bytes; not compared with the delta.
    doc-ref: NNRP/1-preview4 section 7.25
  - id: delta_bytes
    type: u4
    doc: Length of the delta in bytes; it stands in the body after the metadata of the application.
    doc-ref: NNRP/1-preview4 section 7.25
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffff8) == 0
    doc: bit 0 = replaces_region, bit 1 = compressed, bit 2 = final_delta. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.25
    -nnrp:
      flags: object_delta_flags
  - id: metadata_bytes
    type: u4
    doc: Length of the metadata of the application in bytes; it stands first in the body.
    doc-ref: NNRP/1-preview4 section 7.25
