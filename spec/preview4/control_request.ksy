meta:
  id: control_request
  title: NNRP/1-preview4 CONTROL_REQUEST metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: CONTROL_REQUEST
    checks: [flags, reserved]
doc: >-
  CANCEL and ABORT: either side asks the other to end an operation. The body is a diagnostic text.
doc-ref: NNRP/1-preview4 section 7.9
seq:
  - id: operation_id
    type: u8
    doc: Operation that the message is about.
    doc-ref: NNRP/1-preview4 section 7.9
  - id: control_sequence
    type: u8
    doc: Counter of the sender.
    doc-ref: NNRP/1-preview4 section 7.9
  - id: reason_code
    type: u2
    enum: nnrp_enums::reason_code
    doc: Why; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.9
  - id: source_role
    type: u1
    enum: nnrp_enums::runtime_role
    doc: >-
      The role that sends it; 0 to 7, and 0x80 to 0xff for roles of the application. Compared when the message is judged,
      not here.
    doc-ref: NNRP/1-preview4 section 7.9
  - id: flags
    type: u1
    valid:
      expr: (_ & 0xfc) == 0
    doc: bit 0 = cooperative_allowed, bit 1 = hard_abort_allowed. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.9
    -nnrp:
      flags: control_request_flags
  - id: diagnostic_bytes
    type: u4
    doc: Length of the diagnostic text, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.9
  - id: reserved
    type: u8
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.9
