meta:
  id: cache_invalidate
  title: NNRP/1-preview3 CACHE_INVALIDATE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CACHE_INVALIDATE
doc: >-
  Either side drops objects from the other's cache. Selector fields that the scope does not use may hold
  anything. There is no body.
doc-ref: NNRP/1-preview3 section 7.19
seq:
  - id: invalidate_scope
    type: u4
    enum: nnrp_enums::cache_invalidate_scope
    valid:
      in-enum: true
    doc: Which objects are dropped.
    doc-ref: NNRP/1-preview3 section 6
  - id: cache_namespace
    type: u4
    doc: Namespace to match.
    doc-ref: NNRP/1-preview3 section 7.19
  - id: cache_key_hi
    type: u4
    doc: High 32 bits of the cache key; the object kind when the scope is object_kind.
    doc-ref: NNRP/1-preview3 section 7.19
  - id: cache_key_lo
    type: u4
    doc: Low 32 bits of the cache key.
    doc-ref: NNRP/1-preview3 section 7.19
  - id: reason_code
    type: u4
    doc: Why the objects are dropped; no values are defined.
    doc-ref: NNRP/1-preview3 section 7.19
