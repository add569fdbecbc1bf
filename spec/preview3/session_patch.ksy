meta:
  id: session_patch
  title: NNRP/1-preview3 SESSION_PATCH metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SESSION_PATCH
doc: >-
  The client changes the settings of a running session. Only the fields named in patch_mask count; the others
  are ignored. The body holds the profile patch block.
doc-ref: NNRP/1-preview3 section 7.11
seq:
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile the patch is for; 0 = the active one. Any value is accepted.
    doc-ref: NNRP/1-preview3 section 12.1
  - id: reserved0
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.11
  - id: patch_mask
    type: u4
    valid:
      expr: (_ & 0xffffff80) == 0
    doc: >-
      Which settings change; bit 0 = target_cadence, bit 1 = quality_tier, bit 2 = degrade_policy, bit 3 =
      active_lane_mask, bit 4 = preferred_codec, bit 5 = preferred_compression, bit 6 = profile_patch. Every
      other bit is refused.
    doc-ref: NNRP/1-preview3 section 8.10
    -nnrp:
      flags: patch_flags
  - id: target_cadence_x100
    type: u4
    doc: Wanted cadence in hundredths of a frame per second; used when bit 0 of patch_mask is set.
    doc-ref: NNRP/1-preview3 section 7.11
  - id: quality_tier
    type: u2
    doc: Wanted quality tier, no values are defined; used when bit 1 of patch_mask is set.
    doc-ref: NNRP/1-preview3 section 7.11
  - id: degrade_policy
    type: u2
    enum: nnrp_enums::degrade_policy
    doc: Wanted degrade policy, unknown values are accepted; used when bit 2 of patch_mask is set.
    doc-ref: NNRP/1-preview3 section 6
  - id: active_lane_mask
    type: u8
    doc: Lanes to keep active, bit n = lane n; used when bit 3 of patch_mask is set.
    doc-ref: NNRP/1-preview3 section 7.11
  - id: preferred_codec_bitmap
    type: u4
    doc: Preferred codecs, bit n = codec id n; used when bit 4 of patch_mask is set.
    doc-ref: NNRP/1-preview3 section 7.11
  - id: preferred_compression_bitmap
    type: u4
    doc: Preferred compression methods, bit n = method n; used when bit 5 of patch_mask is set.
    doc-ref: NNRP/1-preview3 section 7.11
  - id: profile_patch_bytes
    type: u4
    doc: >-
      Length of the profile patch block in bytes, not compared with body_len; used when bit 6 of patch_mask is
      set.
    doc-ref: NNRP/1-preview3 section 7.11
