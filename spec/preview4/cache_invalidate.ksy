meta:
  id: cache_invalidate
  title: NNRP/1-preview4 CACHE_INVALIDATE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CACHE_INVALIDATE
doc: >-
  Either side drops objects from the other's cache. Selector fields that the scope does not use are zero. There
  is no body.
doc-ref: NNRP/1-preview4 section 7.8
seq:
  - id: invalidate_scope
    type: u4
    enum: nnrp_enums::cache_invalidate_scope
    valid:
      in-enum: true
    doc: Which objects are dropped.
    doc-ref: NNRP/1-preview4 section 7.8
  - id: cache_namespace
    type: u4
    doc: Namespace to match; 0 for the whole session.
    doc-ref: NNRP/1-preview4 section 7.8
  - id: cache_key_hi
    type: u8
    doc: High 64 bits of the cache key; the object kind when the scope is object_kind.
    doc-ref: NNRP/1-preview4 section 7.8
  - id: cache_key_lo
    type: u8
    doc: Low 64 bits of the cache key.
    doc-ref: NNRP/1-preview4 section 7.8
  - id: reason_code
    type: u4
    doc: Why the objects are dropped; no values are defined.
    doc-ref: NNRP/1-preview4 section 7.8
  - id: reserved
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.8
  - id: check_cinv_1
    size: 0
    valid:
      expr: >-
        _.length == 0 and (invalidate_scope.to_i == 3 or (invalidate_scope.to_i == 2 and cache_key_hi <=
        0xffffffff and cache_key_lo == 0) or (invalidate_scope.to_i == 1 and cache_key_hi == 0 and cache_key_lo
        == 0) or (cache_namespace == 0 and cache_key_hi == 0 and cache_key_lo == 0))
    doc: Selector fields that the scope does not use are zero; an object kind fits 32 bits.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: CINV-1
