meta:
  id: cache_ack
  title: NNRP/1-preview4 CACHE_ACK metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CACHE_ACK
doc: Answers a cache put. There is no body.
doc-ref: NNRP/1-preview4 section 7.7
seq:
  - id: cache_namespace
    type: u4
    doc: Namespace of the put.
    doc-ref: NNRP/1-preview4 section 7.7
  - id: status
    type: u4
    enum: nnrp_enums::cache_ack_status
    valid:
      in-enum: true
    doc: Whether the object was stored.
    doc-ref: NNRP/1-preview4 section 7.7
  - id: cache_key_hi
    type: u8
    doc: High 64 bits of the cache key of the put.
    doc-ref: NNRP/1-preview4 section 7.7
  - id: cache_key_lo
    type: u8
    doc: Low 64 bits of the cache key of the put.
    doc-ref: NNRP/1-preview4 section 7.7
  - id: accepted_ttl_ms
    type: u4
    doc: How long the object is kept, in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.7
  - id: max_object_bytes
    type: u4
    doc: Largest object that is taken, in bytes.
    doc-ref: NNRP/1-preview4 section 7.7
  - id: detail_code
    type: u4
    doc: A cache error code, or 0.
    doc-ref: NNRP/1-preview4 section 7.7
  - id: reserved
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.7
