meta:
  id: cache_put
  title: NNRP/1-preview4 CACHE_PUT metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CACHE_PUT
doc: Either side offers an object for the other's cache. The body is the object.
doc-ref: NNRP/1-preview4 section 7.6
seq:
  - id: cache_namespace
    type: u4
    doc: Namespace of the cache key.
    doc-ref: NNRP/1-preview4 section 7.6
  - id: object_kind
    type: u4
    enum: nnrp_enums::cache_object_kind
    valid:
      in-enum: true
    doc: Kind of the object; 0 is refused.
    doc-ref: NNRP/1-preview4 section 7.6
  - id: cache_key_hi
    type: u8
    doc: High 64 bits of the cache key.
    doc-ref: NNRP/1-preview4 section 7.6
  - id: cache_key_lo
    type: u8
    doc: Low 64 bits of the cache key.
    doc-ref: NNRP/1-preview4 section 7.6
  - id: ttl_ms
    type: u4
    doc: How long the object should be kept, in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.6
  - id: object_bytes
    type: u4
    doc: Length of the object, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.6
  - id: codec_bitmap
    type: u4
    doc: Codecs of the object.
    doc-ref: NNRP/1-preview4 section 7.6
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: bit 0 = pinned, bit 1 = reusable. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.6
    -nnrp:
      flags: cache_put_flags
