meta:
  id: result_drop_reason
  title: NNRP/1-preview4 RESULT_DROP_REASON metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: RESULT_DROP_REASON
    checks: [flags, reserved]
doc: An operation ends without a result, and this is why. The body is a diagnostic text.
doc-ref: NNRP/1-preview4 section 7.19
seq:
  - id: operation_id
    type: u8
    doc: Operation that is answered.
    doc-ref: NNRP/1-preview4 section 7.19
  - id: result_sequence
    type: u8
    doc: Counter of the results of the operation.
    doc-ref: NNRP/1-preview4 section 7.19
  - id: drop_reason_code
    type: u2
    enum: nnrp_enums::drop_reason_code
    doc: Why there is no result; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.19
  - id: source_role
    type: u1
    enum: nnrp_enums::runtime_role
    doc: >-
      The role that sends it; 0 to 7, and 0x80 to 0xff for roles of the application. Compared when the message is judged,
      not here.
    doc-ref: NNRP/1-preview4 section 7.19
  - id: flags
    type: u1
    valid:
      expr: (_ & 0xfc) == 0
    doc: bit 0 = final, bit 1 = retryable. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.19
    -nnrp:
      flags: result_drop_reason_flags
  - id: diagnostic_bytes
    type: u4
    doc: Length of the diagnostic text, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.19
  - id: reserved
    type: u8
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.19
