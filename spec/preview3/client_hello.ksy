meta:
  id: client_hello
  title: NNRP/1-preview3 CLIENT_HELLO metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CLIENT_HELLO
doc: >-
  What the client can do and how it would like to run. The client sends it first when it negotiates; the body
  holds the authentication block, then the control extension block.
doc-ref: NNRP/1-preview3 section 7.1
seq:
  - id: min_version_major
    type: u1
    doc: Lowest major version the client accepts.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: max_version_major
    type: u1
    doc: Highest major version the client accepts.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: supported_wire_format_bitmap
    type: u2
    doc: Encodings the client can read; bit n = wire format n. Bit 0 must be set.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: supported_profile_bitmap
    type: u4
    doc: Profiles the client offers; bit n = profile n + 1, so bit 0 = tensor and bit 1 = token. Not zero.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: supported_payload_kind_bitmap
    type: u4
    doc: >-
      Payload kinds the client offers, not zero; bit 0 = tensor, bit 1 = token_chunk, bit 2 = audio_chunk, bit 3
      = video_chunk, bit 4 = structured_event, bit 5 = tool_delta, bit 6 = opaque_bytes. Unknown bits are
      accepted.
    doc-ref: NNRP/1-preview3 section 8.7
    -nnrp:
      flags: payload_kind_flags
  - id: supported_codec_bitmap
    type: u4
    doc: Codecs the client offers; bit n = codec id n.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: supported_compression_bitmap
    type: u4
    doc: Compression methods the client offers; bit n = method n, no numbers are assigned.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: supported_dtype_bitmap
    type: u4
    doc: Element types the client offers; bit n = dtype id n.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: supported_layout_bitmap
    type: u4
    doc: Tensor layouts the client offers; bit n = layout id n.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: cache_digest_bitmap
    type: u2
    doc: Digest algorithms the client offers for the cache; bit n = algorithm n, no numbers are assigned.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: cache_object_bitmap
    type: u2
    doc: Cache object kinds the client offers; bit n = object kind n + 1.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: cache_namespace_count
    type: u2
    doc: Number of cache namespaces the client supports.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: max_lane_count
    type: u2
    doc: Largest number of logical lanes.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: max_cache_entries
    type: u4
    doc: Largest number of cache entries.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: max_cache_bytes
    type: u4
    doc: Cache size in bytes.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: target_cadence_x100
    type: u2
    doc: Wanted cadence in hundredths of a frame per second.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: latency_budget_ms
    type: u2
    doc: Wanted latency budget in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: quality_tier
    type: u2
    doc: Preferred quality tier; no values are defined.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: degrade_policy
    type: u2
    enum: nnrp_enums::degrade_policy
    doc: Preferred way to degrade under load; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: requested_session_id
    type: u4
    doc: Wanted session id; 0 lets the server assign one.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: auth_bytes
    type: u4
    doc: Length in bytes of the authentication block at the start of the body; not compared with body_len.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: control_extension_bytes
    type: u4
    doc: Length in bytes of the control extension block that follows in the body; not compared with body_len.
    doc-ref: NNRP/1-preview3 section 7.1
  - id: check_hello_1
    size: 0
    valid:
      expr: _.length == 0 and min_version_major <= max_version_major
    doc: The version window is not empty.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: HELLO-1
  - id: check_hello_2
    size: 0
    valid:
      expr: _.length == 0 and min_version_major <= 1 and max_version_major >= 1
    doc: The version window contains major version 1.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: HELLO-2
  - id: check_hello_3
    size: 0
    valid:
      expr: _.length == 0 and (supported_wire_format_bitmap & 0x01) != 0
    doc: Wire format 0 is offered.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: HELLO-3
  - id: check_hello_4
    size: 0
    valid:
      expr: _.length == 0 and supported_profile_bitmap != 0
    doc: At least one profile is offered.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: HELLO-4
  - id: check_hello_5
    size: 0
    valid:
      expr: _.length == 0 and supported_payload_kind_bitmap != 0
    doc: At least one payload kind is offered.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: HELLO-5
