meta:
  id: cache_put
  title: NNRP/1-preview3 CACHE_PUT metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CACHE_PUT
doc: Either side stores an object in the other's cache. The body is the object.
doc-ref: NNRP/1-preview3 section 7.17
seq:
  - id: cache_namespace
    type: u4
    doc: Namespace of the cache key.
    doc-ref: NNRP/1-preview3 section 7.17
  - id: cache_key_hi
    type: u4
    doc: High 32 bits of the cache key.
    doc-ref: NNRP/1-preview3 section 7.17
  - id: cache_key_lo
    type: u4
    doc: Low 32 bits of the cache key.
    doc-ref: NNRP/1-preview3 section 7.17
  - id: object_kind
    type: u4
    enum: nnrp_enums::cache_object_kind
    valid:
      in-enum: true
    doc: Kind of the object; 0 is refused.
    doc-ref: NNRP/1-preview3 section 6
  - id: ttl_ms
    type: u4
    doc: Wanted lifetime in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.17
  - id: object_bytes
    type: u4
    doc: Length of the object in the body in bytes; not compared with body_len.
    doc-ref: NNRP/1-preview3 section 7.17
  - id: codec_bitmap
    type: u4
    doc: Codecs of the object; bit n = codec id n.
    doc-ref: NNRP/1-preview3 section 7.17
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: How to keep the object; bit 0 = pinned, bit 1 = reusable. Every other bit is refused.
    doc-ref: NNRP/1-preview3 section 8.11
    -nnrp:
      flags: cache_put_flags
