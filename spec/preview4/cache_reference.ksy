meta:
  id: cache_reference
  title: NNRP/1-preview4 CACHE_REFERENCE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CACHE_REFERENCE
    checks: [flags, reserved, reuse_scope]
doc: Either side names a cached object that work may use again. The body is metadata of the application.
doc-ref: NNRP/1-preview4 section 7.26
seq:
  - id: cache_namespace
    type: u4
    doc: Namespace of the cache key.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile of the object; any value is accepted.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: reuse_scope
    type: u2
    enum: nnrp_enums::cache_reuse_scope
    valid:
      in-enum: true
    doc: How far the object may be used again.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: cache_key_hi
    type: u8
    doc: High 64 bits of the cache key.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: cache_key_lo
    type: u8
    doc: Low 64 bits of the cache key.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: lease_id
    type: u8
    doc: Lease on the object; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: producer_trace_id
    type: u8
    doc: Trace of the work that made the object; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: expiration_hint_ms
    type: u4
    doc: How long the object lives, in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: metadata_bytes
    type: u4
    doc: Length of the metadata of the application, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.26
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: bit 0 = lease_required, bit 1 = body_fallback_present. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.26
    -nnrp:
      flags: cache_reference_flags
  - id: reserved
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.26
