meta:
  id: schema_descriptor_header
  title: NNRP/1-preview3 schema descriptor header
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SCHEMA_DESCRIPTOR_HEADER
    fault-name: schema_descriptor
doc: >-
  Describes a schema: identity, owner profile and digest. No message carries it as metadata; it starts a schema
  object, for example in the body of CACHE_PUT.
doc-ref: NNRP/1-preview3 section 7.21
seq:
  - id: schema_id
    type: u4
    doc: Id of the schema.
    doc-ref: NNRP/1-preview3 section 7.21
  - id: schema_version
    type: u4
    doc: Version of the schema.
    doc-ref: NNRP/1-preview3 section 7.21
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile that owns the schema; any value passes here.
    doc-ref: NNRP/1-preview3 section 12.1
  - id: schema_flags
    type: u2
    valid:
      expr: (_ & 0xfff0) == 0
    doc: >-
      Properties of the schema; bit 0 = cacheable, bit 1 = critical, bit 2 = default_bindable, bit 3 =
      hash_stable. Every other bit is refused.
    doc-ref: NNRP/1-preview3 section 8.12
    -nnrp:
      flags: schema_flags
  - id: min_version_major
    type: u1
    doc: Lowest major version the schema applies to; not compared with the highest.
    doc-ref: NNRP/1-preview3 section 7.21
  - id: max_version_major
    type: u1
    doc: Highest major version the schema applies to; not compared with the lowest.
    doc-ref: NNRP/1-preview3 section 7.21
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.21
  - id: body_bytes
    type: u4
    doc: Length of the schema body in bytes; not compared with anything.
    doc-ref: NNRP/1-preview3 section 7.21
  - id: dependency_count
    type: u2
    doc: Number of schemas this one depends on.
    doc-ref: NNRP/1-preview3 section 7.21
  - id: default_stream_semantics
    type: u2
    enum: nnrp_enums::stream_semantics
    doc: How a stream of payloads is read by default; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: schema_hash
    type: u8
    doc: Digest of the schema body.
    doc-ref: NNRP/1-preview3 section 7.21
