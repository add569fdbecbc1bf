meta:
  id: frame_submit
  title: NNRP/1-preview4 FRAME_SUBMIT metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: FRAME_SUBMIT
doc: >-
  The client submits one unit of work under an operation id of its choice. The body carries the payload; the
  tensor fields are zero unless a tensor is among the payload kinds.
doc-ref: NNRP/1-preview4 section 7.3
seq:
  - id: src_width
    type: u2
    doc: Width of the source in pixels; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: src_height
    type: u2
    doc: Height of the source in pixels; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: tile_width
    type: u2
    doc: Width of a tile in pixels; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: tile_height
    type: u2
    doc: Height of a tile in pixels; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: tile_count
    type: u2
    doc: Number of tiles; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: section_count
    type: u2
    doc: Number of tensor sections; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: frame_class
    type: u1
    enum: nnrp_enums::frame_class
    doc: Kind of frame; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: input_profile
    type: u1
    enum: nnrp_enums::input_profile
    valid:
      in-enum: true
    doc: What the tensor input is; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: tile_index_mode
    type: u1
    enum: nnrp_enums::tile_index_mode
    valid:
      in-enum: true
    doc: How the tile index is encoded; may be non-zero without a tensor.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: reserved0
    type: u1
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: latency_budget_ms
    type: u2
    doc: Latency budget of this frame in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: target_fps_x100
    type: u2
    doc: Wanted cadence in hundredths of a frame per second.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: retry_of_frame
    type: u4
    doc: Earlier frame that this one repeats; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: tile_base_id
    type: u4
    doc: Id of the first tile; 0 unless the tensor bit of payload_kind_bitmap is set.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: camera_bytes
    type: u4
    doc: >-
      Length of the camera block in bytes; 0 when it is referenced, and without the tensor bit of
      payload_kind_bitmap.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: tile_index_bytes
    type: u4
    doc: >-
      Length of the tile index in bytes; 0 when it is referenced, and without the tensor bit of
      payload_kind_bitmap.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: reserved1
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: operation_id
    type: u8
    doc: >-
      Identity of the operation, chosen by the client; not 0. The frame_id of the header is its other name in
      the session.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: reserved2
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: submit_mode
    type: u1
    enum: nnrp_enums::submit_mode
    valid:
      in-enum: true
    doc: Whether the objects of the frame are inline, referenced or both.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: budget_policy
    type: u1
    valid:
      expr: (_ & 0xf0) == 0
    doc: >-
      What the client tolerates when the budget is exceeded; bit 0 = allow_partial, bit 1 = allow_stale_reuse,
      bit 2 = allow_degraded, bit 3 = allow_drop. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.3
    -nnrp:
      flags: budget_policy_flags
  - id: loss_tolerance_policy
    type: u1
    enum: nnrp_enums::loss_tolerance_policy
    valid:
      in-enum: true
    doc: How losses are treated; 0xff takes over the level of the session.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: reserved3
    type: u1
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: object_ref_mask
    type: u4
    doc: >-
      Which object slots are referenced; bit 0 = camera_block, bit 1 = tile_index_block, bit 2 =
      tensor_section_table, bit 3 = payload_layout_template. Unknown bits pass here and are refused with the
      object-reference region.
    doc-ref: NNRP/1-preview4 section 7.3
    -nnrp:
      flags: object_ref_flags
  - id: dependency_frame_id
    type: u4
    doc: Frame that this one depends on; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: payload_kind_bitmap
    type: u4
    valid:
      expr: (_ & 0xffffff80) == 0
    doc: >-
      Kinds of payload in the body; bit 0 = tensor, bit 1 = token_chunk, bit 2 = audio_chunk, bit 3 =
      video_chunk, bit 4 = structured_event, bit 5 = tool_delta, bit 6 = opaque_bytes. Every other bit is
      refused.
    doc-ref: NNRP/1-preview4 section 7.3
    -nnrp:
      flags: payload_kind_flags
  - id: payload_frame_count
    type: u2
    doc: Number of typed payload frames in the body; not compared with the body here.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: reserved4
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.3
  - id: check_fsub_2
    size: 0
    valid:
      expr: _.length == 0 and (operation_id != 0)
    doc: An operation has an identity.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: FSUB-2
  - id: check_fsub_1
    size: 0
    valid:
      expr: >-
        _.length == 0 and ((payload_kind_bitmap & 0x01) != 0 or (src_width == 0 and src_height == 0 and
        tile_width == 0 and tile_height == 0 and tile_count == 0 and section_count == 0 and tile_base_id == 0
        and camera_bytes == 0 and tile_index_bytes == 0 and input_profile.to_i == 0))
    doc: Without the tensor bit every tensor field is zero; tile_index_mode is exempt.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: FSUB-1
