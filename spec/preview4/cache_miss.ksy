meta:
  id: cache_miss
  title: NNRP/1-preview4 CACHE_MISS metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CACHE_MISS
doc: Either side says that a cached object is not there. The body is a diagnostic text.
doc-ref: NNRP/1-preview4 section 7.27
seq:
  - id: cache_namespace
    type: u4
    doc: Namespace that was asked for.
    doc-ref: NNRP/1-preview4 section 7.27
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile that was asked for; any value is accepted.
    doc-ref: NNRP/1-preview4 section 7.27
  - id: miss_reason
    type: u2
    enum: nnrp_enums::cache_miss_reason
    valid:
      in-enum: true
    doc: Why the object is not there.
    doc-ref: NNRP/1-preview4 section 7.27
  - id: cache_key_hi
    type: u8
    doc: High 64 bits of the cache key that was asked for.
    doc-ref: NNRP/1-preview4 section 7.27
  - id: cache_key_lo
    type: u8
    doc: Low 64 bits of the cache key that was asked for.
    doc-ref: NNRP/1-preview4 section 7.27
  - id: diagnostic_bytes
    type: u4
    doc: Length of the diagnostic text, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.27
  - id: reserved
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.27
