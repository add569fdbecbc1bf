meta:
  id: object_reference_block
  title: NNRP/1-preview4 object reference block
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: OBJECT_REFERENCE_BLOCK
    fault-name: object_reference
doc: Names one cached object that a frame uses. The blocks stand back to back in the object-reference region.
doc-ref: NNRP/1-preview4 section 7.5
seq:
  - id: object_kind
    type: u2
    enum: nnrp_enums::cache_object_kind
    valid:
      in-enum: true
    doc: Kind of the object; 0 is refused.
    doc-ref: NNRP/1-preview4 section 7.5
  - id: ref_flags
    type: u2
    valid: 0
    doc: No bits are defined; zero.
    doc-ref: NNRP/1-preview4 section 7.5
  - id: cache_namespace
    type: u4
    doc: Namespace of the cache key.
    doc-ref: NNRP/1-preview4 section 7.5
  - id: cache_key_hi
    type: u8
    doc: High 64 bits of the cache key.
    doc-ref: NNRP/1-preview4 section 7.5
  - id: cache_key_lo
    type: u8
    doc: Low 64 bits of the cache key.
    doc-ref: NNRP/1-preview4 section 7.5
