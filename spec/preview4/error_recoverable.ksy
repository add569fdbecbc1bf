meta:
  id: error_recoverable
  title: NNRP/1-preview4 ERROR_RECOVERABLE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: ERROR_RECOVERABLE
    fault-name: recoverable_error
doc: Either side reports an error after which work can go on. The body is a diagnostic text.
doc-ref: NNRP/1-preview4 section 7.20
seq:
  - id: error_code
    type: u4
    doc: Code of the error; no values are refused.
    doc-ref: NNRP/1-preview4 section 7.20
  - id: error_scope
    type: u4
    enum: nnrp_enums::error_scope
    valid:
      in-enum: true
    doc: What the error applies to.
    doc-ref: NNRP/1-preview4 section 7.20
  - id: recovery_action
    type: u2
    doc: What to do about it; no values are defined.
    doc-ref: NNRP/1-preview4 section 7.20
  - id: source_role
    type: u1
    enum: nnrp_enums::runtime_role
    doc: The role that reports it; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.20
  - id: flags
    type: u1
    valid:
      expr: (_ & 0xfc) == 0
    doc: bit 0 = retryable_now, bit 1 = retry_after_required. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.20
    -nnrp:
      flags: error_recoverable_flags
  - id: retry_after_ms
    type: u4
    doc: When to try again, in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.20
  - id: related_session_id
    type: u4
    doc: Session that the error is about; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.20
  - id: related_frame_id
    type: u4
    doc: Frame that the error is about, also in the header; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.20
  - id: related_view_id
    type: u4
    doc: View that the error is about; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.20
  - id: diagnostic_bytes
    type: u4
    doc: Length of the diagnostic text, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.20
