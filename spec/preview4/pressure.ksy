meta:
  id: pressure
  title: NNRP/1-preview4 PRESSURE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: PRESSURE
    checks: [flags, reserved]
doc: >-
  BACKPRESSURE and CREDIT_UPDATE: either side says how much it can take. There is no body.
doc-ref: NNRP/1-preview4 section 7.15
seq:
  - id: scope_id
    type: u8
    doc: >-
      What the message is about: by the flags the connection, an operation id, or the session.
    doc-ref: NNRP/1-preview4 section 7.15
  - id: credit_window
    type: u8
    doc: Operations that the receiver of the message may have open.
    doc-ref: NNRP/1-preview4 section 7.15
  - id: pressure_level
    type: u2
    enum: nnrp_enums::pressure_level
    doc: How much pressure there is; not 0 and at most 3 in BACKPRESSURE, any value in CREDIT_UPDATE.
    doc-ref: NNRP/1-preview4 section 7.15
  - id: pressure_reason
    type: u2
    enum: nnrp_enums::pressure_reason
    doc: Where the pressure comes from; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.15
  - id: retry_after_ms
    type: u4
    doc: When to try again, in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.15
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: bit 0 = applies_to_connection, bit 1 = applies_to_operation. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.15
    -nnrp:
      flags: pressure_flags
  - id: reserved
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.15
