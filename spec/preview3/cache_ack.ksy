meta:
  id: cache_ack
  title: NNRP/1-preview3 CACHE_ACK metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CACHE_ACK
doc: The answer to CACHE_PUT. There is no body.
doc-ref: NNRP/1-preview3 section 7.18
seq:
  - id: cache_namespace
    type: u4
    doc: Namespace of the cache key, echoed.
    doc-ref: NNRP/1-preview3 section 7.18
  - id: cache_key_hi
    type: u4
    doc: High 32 bits of the cache key, echoed.
    doc-ref: NNRP/1-preview3 section 7.18
  - id: cache_key_lo
    type: u4
    doc: Low 32 bits of the cache key, echoed.
    doc-ref: NNRP/1-preview3 section 7.18
  - id: status
    type: u4
    enum: nnrp_enums::cache_ack_status
    valid:
      in-enum: true
    doc: Outcome of the put.
    doc-ref: NNRP/1-preview3 section 6
  - id: accepted_ttl_ms
    type: u4
    doc: Lifetime granted, in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.18
  - id: max_object_bytes
    type: u4
    doc: Largest object accepted, in bytes.
    doc-ref: NNRP/1-preview3 section 7.18
  - id: detail_code
    type: u4
    enum: nnrp_enums::cache_error_code
    doc: Cache error behind the status, or 0; any value is accepted.
    doc-ref: NNRP/1-preview3 section 9.2
