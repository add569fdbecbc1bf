meta:
  id: server_hello_ack
  title: NNRP/1-preview3 SERVER_HELLO_ACK metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SERVER_HELLO_ACK
doc: The server's choice out of the client's hello, with its limits. The body holds the control extension block.
doc-ref: NNRP/1-preview3 section 7.2
seq:
  - id: selected_version_major
    type: u1
    doc: Major version chosen; it must lie in the window of the hello.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: selected_wire_format
    type: u1
    doc: Wire format chosen; its bit must be set in the hello.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: auth_status
    type: u1
    enum: nnrp_enums::auth_status
    doc: Outcome of the authentication; only 0 has an agreed meaning and any value is accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: reserved0
    type: u1
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: session_id
    type: u4
    doc: Session id in effect.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: accepted_profile_bitmap
    type: u4
    doc: Profiles accepted, a subset of the offer; bit n = profile n + 1.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: accepted_payload_kind_bitmap
    type: u4
    doc: >-
      Payload kinds accepted, a subset of the offer; bit 0 = tensor, bit 1 = token_chunk, bit 2 = audio_chunk,
      bit 3 = video_chunk, bit 4 = structured_event, bit 5 = tool_delta, bit 6 = opaque_bytes. Unknown bits are
      accepted here.
    doc-ref: NNRP/1-preview3 section 8.7
    -nnrp:
      flags: payload_kind_flags
  - id: accepted_codec_bitmap
    type: u4
    doc: Codecs accepted, a subset of the offer; bit n = codec id n.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: accepted_compression_bitmap
    type: u4
    doc: Compression methods accepted, a subset of the offer; bit n = method n.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: accepted_dtype_bitmap
    type: u4
    doc: Element types accepted, a subset of the offer; bit n = dtype id n.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: accepted_layout_bitmap
    type: u4
    doc: Tensor layouts accepted, a subset of the offer; bit n = layout id n.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: cache_digest_bitmap
    type: u4
    doc: Digest algorithms accepted, a subset of the 16-bit offer; bit n = algorithm n.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: cache_object_bitmap
    type: u4
    doc: Cache object kinds accepted, a subset of the 16-bit offer; bit n = object kind n + 1.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: max_cache_entries
    type: u4
    doc: Largest number of cache entries.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: max_cache_bytes
    type: u4
    doc: Cache size in bytes.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: max_lane_count
    type: u2
    doc: Largest number of logical lanes.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: max_concurrent_frames
    type: u2
    doc: Largest number of frames in progress at once.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: target_cadence_x100
    type: u2
    doc: Cadence granted, in hundredths of a frame per second.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: latency_budget_ms
    type: u2
    doc: Latency budget granted, in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: quality_tier
    type: u2
    doc: Quality tier granted; no values are defined.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: degrade_policy
    type: u2
    enum: nnrp_enums::degrade_policy
    doc: Degrade policy granted; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: max_body_bytes
    type: u4
    doc: Largest body in bytes.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: token_ttl_ms
    type: u4
    doc: Lifetime of the authentication in milliseconds; 0 = none.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: retry_after_ms
    type: u4
    doc: Advice on when to try again, in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: control_extension_bytes
    type: u4
    doc: Length in bytes of the control extension block in the body; not compared with body_len.
    doc-ref: NNRP/1-preview3 section 7.2
  - id: server_flags
    type: u4
    valid:
      expr: (_ & 0xfffffffe) == 0
    doc: What the server offers; bit 0 = cache_enabled. Every other bit is refused.
    doc-ref: NNRP/1-preview3 section 8.2
    -nnrp:
      flags: server_flags
