meta:
  id: session_patch_ack
  title: NNRP/1-preview3 SESSION_PATCH_ACK metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SESSION_PATCH_ACK
doc: >-
  The server's answer to SESSION_PATCH with the settings now in effect. The body holds the profile patch ack
  block.
doc-ref: NNRP/1-preview3 section 7.12
seq:
  - id: ack_status
    type: u2
    enum: nnrp_enums::session_patch_ack_status
    valid:
      in-enum: true
    doc: Outcome of the patch.
    doc-ref: NNRP/1-preview3 section 6
  - id: reject_reason
    type: u2
    enum: nnrp_enums::session_patch_reject_reason
    valid:
      in-enum: true
    doc: Why settings were refused.
    doc-ref: NNRP/1-preview3 section 6
  - id: applied_patch_mask
    type: u4
    valid:
      expr: (_ & 0xffffff80) == 0
    doc: >-
      Settings applied; bit 0 = target_cadence, bit 1 = quality_tier, bit 2 = degrade_policy, bit 3 =
      active_lane_mask, bit 4 = preferred_codec, bit 5 = preferred_compression, bit 6 = profile_patch. Every
      other bit is refused; overlap with rejected_patch_mask is not checked.
    doc-ref: NNRP/1-preview3 section 8.10
    -nnrp:
      flags: patch_flags
  - id: rejected_patch_mask
    type: u4
    valid:
      expr: (_ & 0xffffff80) == 0
    doc: >-
      Settings refused; bit 0 = target_cadence, bit 1 = quality_tier, bit 2 = degrade_policy, bit 3 =
      active_lane_mask, bit 4 = preferred_codec, bit 5 = preferred_compression, bit 6 = profile_patch. Every
      other bit is refused.
    doc-ref: NNRP/1-preview3 section 8.10
    -nnrp:
      flags: patch_flags
  - id: retry_after_ms
    type: u4
    doc: Advice on when to try again, in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.12
  - id: effective_profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile in effect; any value is accepted.
    doc-ref: NNRP/1-preview3 section 12.1
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.12
  - id: effective_target_cadence_x100
    type: u4
    doc: Cadence in effect, in hundredths of a frame per second.
    doc-ref: NNRP/1-preview3 section 7.12
  - id: effective_quality_tier
    type: u2
    doc: Quality tier in effect; no values are defined.
    doc-ref: NNRP/1-preview3 section 7.12
  - id: effective_degrade_policy
    type: u2
    enum: nnrp_enums::degrade_policy
    doc: Degrade policy in effect; unknown values are accepted.
    doc-ref: NNRP/1-preview3 section 6
  - id: effective_lane_mask
    type: u8
    doc: Lanes in effect; bit n = lane n.
    doc-ref: NNRP/1-preview3 section 7.12
  - id: effective_codec_bitmap
    type: u4
    doc: Codecs in effect; bit n = codec id n.
    doc-ref: NNRP/1-preview3 section 7.12
  - id: effective_compression_bitmap
    type: u4
    doc: Compression methods in effect; bit n = method n.
    doc-ref: NNRP/1-preview3 section 7.12
  - id: profile_patch_ack_bytes
    type: u4
    doc: Length of the profile patch ack block in bytes; not compared with body_len.
    doc-ref: NNRP/1-preview3 section 7.12
