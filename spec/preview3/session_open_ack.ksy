meta:
  id: session_open_ack
  title: NNRP/1-preview3 SESSION_OPEN_ACK metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SESSION_OPEN_ACK
doc: >-
  The server's answer to SESSION_OPEN: the session granted, or why there is none. The body, when present, holds
  the resume token, then the session extension block.
doc-ref: NNRP/1-preview3 section 7.4
seq:
  - id: session_id
    type: u4
    doc: Session id granted; 0 when none was.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: accepted_profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile of the session; any value is accepted.
    doc-ref: NNRP/1-preview3 section 12.1
  - id: accepted_priority_class
    type: u1
    enum: nnrp_enums::session_priority_class
    valid:
      in-enum: true
    doc: Priority of the session.
    doc-ref: NNRP/1-preview3 section 6
  - id: session_status
    type: u1
    enum: nnrp_enums::session_status
    valid:
      in-enum: true
    doc: Outcome of the request.
    doc-ref: NNRP/1-preview3 section 6
  - id: schema_id
    type: u4
    doc: Default schema, confirmed.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: schema_version
    type: u4
    doc: Version of the default schema, confirmed.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: granted_operation_credit
    type: u2
    doc: Initial operation credit.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: max_in_flight_operations
    type: u2
    doc: Largest number of operations in progress at once that the server allows.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: lease_ttl_ms
    type: u4
    doc: Lifetime of leases granted, in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: resume_window_ms
    type: u4
    doc: How long the session can be resumed, in milliseconds; 0 = not at all.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: resume_token_bytes
    type: u4
    doc: Length of the resume token in bytes.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: session_extension_bytes
    type: u4
    doc: Length of the session extension block in bytes; not compared with the body.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: server_session_tag
    type: u8
    doc: Tag by which the server recognises this session.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: route_scope_id
    type: u4
    doc: Routing scope of the session.
    doc-ref: NNRP/1-preview3 section 7.4
  - id: session_error_code
    type: u4
    enum: nnrp_enums::session_error_code
    doc: Why the session was not granted, or 0; any value is accepted.
    doc-ref: NNRP/1-preview3 section 9.1
  - id: session_flags_ack
    type: u4
    valid:
      expr: (_ & 0xffffffe0) == 0
    doc: >-
      What is in effect; bit 0 = resume_enabled, bit 1 = background_results_enabled, bit 2 =
      cache_leases_enabled, bit 3 = schema_override_enabled, bit 4 = priority_downgraded. Every other bit is
      refused.
    doc-ref: NNRP/1-preview3 section 8.4
    -nnrp:
      flags: session_flags_ack
