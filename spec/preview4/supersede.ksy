meta:
  id: supersede
  title: NNRP/1-preview4 SUPERSEDE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SUPERSEDE
doc: Either side says that a new operation takes the place of an old one. The body is a diagnostic text.
doc-ref: NNRP/1-preview4 section 7.11
seq:
  - id: old_operation_id
    type: u8
    doc: Operation that is replaced; the frame_id of the header is its frame.
    doc-ref: NNRP/1-preview4 section 7.11
  - id: new_operation_id
    type: u8
    doc: Operation that takes its place.
    doc-ref: NNRP/1-preview4 section 7.11
  - id: control_sequence
    type: u8
    doc: Counter of the sender.
    doc-ref: NNRP/1-preview4 section 7.11
  - id: drop_reason_code
    type: u2
    enum: nnrp_enums::drop_reason_code
    doc: Why the old operation ends; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.11
  - id: flags
    type: u2
    valid:
      expr: (_ & 0xfffe) == 0
    doc: bit 0 = abort_old. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.11
    -nnrp:
      flags: supersede_flags
  - id: diagnostic_bytes
    type: u4
    doc: Length of the diagnostic text, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.11
