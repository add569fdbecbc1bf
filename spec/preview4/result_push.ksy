meta:
  id: result_push
  title: NNRP/1-preview4 RESULT_PUSH metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: RESULT_PUSH
doc: >-
  The server delivers a result for a submitted frame. The body carries the payload; the tensor fields are zero
  unless a tensor is among the payload kinds.
doc-ref: NNRP/1-preview4 section 7.1
seq:
  - id: status_code
    type: u2
    enum: nnrp_enums::status_code
    doc: Outcome of the work; the protocol fixes no values and any is accepted.
    doc-ref: NNRP/1-preview4 section 6
  - id: result_flags
    type: u2
    valid:
      expr: (_ & 0xfff8) == 0
    doc: Nature of the result; bit 0 = stale, bit 1 = fallback, bit 2 = partial. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 8.5
    -nnrp:
      flags: result_flags
  - id: section_count
    type: u2
    doc: Number of tensor sections; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: tile_count
    type: u2
    doc: Number of tiles; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: active_profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile that was used; any value is accepted.
    doc-ref: NNRP/1-preview4 section 12.1
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: inference_ms
    type: u2
    doc: Time spent on inference in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: queue_ms
    type: u2
    doc: Time spent waiting in the queue in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: server_total_ms
    type: u2
    doc: Total time at the server in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: reserved1
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: tile_base_id
    type: u4
    doc: Id of the first tile; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: tile_index_bytes
    type: u4
    doc: Length of the tile index in bytes; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: reserved2
    type: u8
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: reserved3
    type: u8
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: result_class
    type: u1
    enum: nnrp_enums::result_class
    valid:
      in-enum: true
    doc: How complete the result is.
    doc-ref: NNRP/1-preview4 section 6
  - id: applied_budget_policy
    type: u1
    valid:
      expr: (_ & 0xf0) == 0
    doc: >-
      Budget policy that was applied; bit 0 = allow_partial, bit 1 = allow_stale_reuse, bit 2 = allow_degraded,
      bit 3 = allow_drop. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 8.6
    -nnrp:
      flags: budget_policy_flags
  - id: reserved4
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: reused_frame_id
    type: u4
    doc: Frame whose result was used again; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: covered_tile_count
    type: u2
    doc: Number of tiles the result covers; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: dropped_tile_count
    type: u2
    doc: Number of tiles dropped; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: payload_kind_bitmap
    type: u4
    valid:
      expr: (_ & 0xffffff80) == 0
    doc: >-
      Kinds of payload in the body; bit 0 = tensor, bit 1 = token_chunk, bit 2 = audio_chunk, bit 3 =
      video_chunk, bit 4 = structured_event, bit 5 = tool_delta, bit 6 = opaque_bytes. Every other bit is
      refused.
    doc-ref: NNRP/1-preview4 section 8.7
    -nnrp:
      flags: payload_kind_flags
  - id: payload_frame_count
    type: u2
    doc: Number of typed payload frames in the body; not compared with the body here.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: reserved5
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.1
  - id: check_rpush_2
    size: 0
    valid:
      expr: >-
        _.length == 0 and (((result_class.to_i == 2 or (result_flags & 0x01) != 0) and reused_frame_id != 0) or
        (result_class.to_i != 2 and (result_flags & 0x01) == 0 and reused_frame_id == 0))
    doc: A result is stale exactly when it names the frame whose result is used again. From release 4.23 on.
    doc-ref: NNRP/1-preview4 section 7.1
    -nnrp:
      rule: RPUSH-2
  - id: check_rpush_1
    size: 0
    valid:
      expr: >-
        _.length == 0 and ((payload_kind_bitmap & 0x01) != 0 or (section_count == 0 and tile_count == 0 and
        tile_base_id == 0 and tile_index_bytes == 0 and covered_tile_count == 0 and dropped_tile_count == 0))
    doc: Without the tensor bit every tensor field is zero.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: RPUSH-1
  - id: check_rpush_3
    size: 0
    valid:
      expr: >-
        _.length == 0 and ((payload_kind_bitmap & 0x01) == 0 or (result_class.to_i != 1 and (result_flags &
        0x04) == 0) or dropped_tile_count != 0)
    doc: A partial tensor result has dropped tiles. From release 4.23 on.
    doc-ref: NNRP/1-preview4 section 7.1
    -nnrp:
      rule: RPUSH-3
  - id: check_rpush_4
    size: 0
    valid:
      expr: >-
        _.length == 0 and ((payload_kind_bitmap & 0x01) == 0 or (covered_tile_count <= tile_count and
        dropped_tile_count <= tile_count and covered_tile_count + dropped_tile_count == tile_count))
    doc: A tensor result covers or drops each of its tiles. From release 4.23 on.
    doc-ref: NNRP/1-preview4 section 7.1
    -nnrp:
      rule: RPUSH-4
