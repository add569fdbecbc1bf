meta:
  id: capability
  title: NNRP/1-preview4 CAPABILITY metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CAPABILITY
doc: >-
  CAPABILITY_NEGOTIATION and DEGRADE_PROFILE: either side names what it can do, and at what cost. The body is a
  list of capability tokens.
doc-ref: NNRP/1-preview4 section 7.16
seq:
  - id: profile_id
    type: u2
    enum: nnrp_enums::profile_id
    doc: Profile that the capabilities are of; any value is accepted.
    doc-ref: NNRP/1-preview4 section 7.16
  - id: capability_count
    type: u2
    doc: Number of tokens in the body.
    doc-ref: NNRP/1-preview4 section 7.16
  - id: cost_model_id
    type: u2
    enum: nnrp_enums::cost_model_id
    doc: What the limits count; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.16
  - id: preference_rank
    type: u2
    doc: Lower is preferred.
    doc-ref: NNRP/1-preview4 section 7.16
  - id: limit_bytes
    type: u8
    doc: Limit in bytes.
    doc-ref: NNRP/1-preview4 section 7.16
  - id: limit_units
    type: u8
    doc: Limit in units of the cost model.
    doc-ref: NNRP/1-preview4 section 7.16
  - id: body_bytes
    type: u4
    doc: Length of the body in bytes.
    doc-ref: NNRP/1-preview4 section 7.16
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: bit 0 = hard_requirement, bit 1 = downgrade_allowed. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.16
    -nnrp:
      flags: capability_flags
