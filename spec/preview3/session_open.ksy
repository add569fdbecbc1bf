meta:
  id: session_open
  title: NNRP/1-preview3 SESSION_OPEN metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SESSION_OPEN
doc: >-
  The client asks for a session, or to resume one. The body, when present, holds the resume token, the
  authentication block and the session extension block in this order.
doc-ref: NNRP/1-preview3 section 7.3
seq:
  - id: requested_session_id
    type: u4
    doc: Wanted session id; 0 lets the server assign one.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Wanted profile; any value passes here, the session decision refuses unknown ones.
    doc-ref: NNRP/1-preview3 section 12.1
  - id: priority_class
    type: u1
    enum: nnrp_enums::session_priority_class
    valid:
      in-enum: true
    doc: Wanted priority of the session.
    doc-ref: NNRP/1-preview3 section 6
  - id: session_flags
    type: u1
    valid:
      expr: (_ & 0xf0) == 0
    doc: >-
      What the client wants; bit 0 = allow_resume, bit 1 = allow_background_results, bit 2 = allow_cache_leases,
      bit 3 = allow_schema_override. Every other bit is refused.
    doc-ref: NNRP/1-preview3 section 8.3
    -nnrp:
      flags: session_flags
  - id: schema_id
    type: u4
    doc: Default schema of the session; 0 = none.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: schema_version
    type: u4
    doc: Version of the default schema.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: default_deadline_ms
    type: u4
    doc: Default deadline in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: max_in_flight_operations
    type: u2
    doc: Wanted number of operations in progress at once.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: lease_ttl_hint_ms
    type: u4
    doc: Wanted lifetime of leases in milliseconds; 0 = unspecified.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: resume_token_bytes
    type: u4
    doc: Length of the resume token in bytes; not zero = an attempt to resume.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: auth_bytes
    type: u4
    doc: Length of the authentication block in bytes; not compared with the body.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: session_extension_bytes
    type: u4
    doc: Length of the session extension block in bytes; not compared with the body.
    doc-ref: NNRP/1-preview3 section 7.3
  - id: client_session_tag
    type: u8
    doc: Tag by which the client recognises this session.
    doc-ref: NNRP/1-preview3 section 7.3
