meta:
  id: object_reference_block
  title: NNRP/1-preview3 object reference block
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: OBJECT_REFERENCE_BLOCK
    fault-name: object_reference
doc: Names one cached object that a frame uses. The blocks stand back to back in the object-reference region.
doc-ref: NNRP/1-preview3 section 7.24
seq:
  - id: object_kind
    type: u2
    enum: nnrp_enums::cache_object_kind
    valid:
      in-enum: true
    doc: Kind of the object; 0 is refused.
    doc-ref: NNRP/1-preview3 section 6
  - id: ref_flags
    type: u2
    valid: 0
    doc: No bits are defined; zero.
    doc-ref: NNRP/1-preview3 section 7.24
  - id: cache_namespace
    type: u4
    doc: Namespace of the cache key.
    doc-ref: NNRP/1-preview3 section 7.24
  - id: cache_key_hi
    type: u4
    doc: High 32 bits of the cache key.
    doc-ref: NNRP/1-preview3 section 7.24
  - id: cache_key_lo
    type: u4
    doc: Low 32 bits of the cache key.
    doc-ref: NNRP/1-preview3 section 7.24
