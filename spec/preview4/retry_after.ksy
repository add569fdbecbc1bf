meta:
  id: retry_after
  title: NNRP/1-preview4 RETRY_AFTER metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: RETRY_AFTER
doc: Either side asks the other to wait before it tries again. The body is a diagnostic text.
doc-ref: NNRP/1-preview4 section 7.21
seq:
  - id: scope_id
    type: u8
    doc: >-
      What to wait with: by the flags the connection, an operation id, or the session.
    doc-ref: NNRP/1-preview4 section 7.21
  - id: control_sequence
    type: u8
    doc: Counter of the sender.
    doc-ref: NNRP/1-preview4 section 7.21
  - id: retry_after_ms
    type: u4
    doc: How long to wait, in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.21
  - id: jitter_ms
    type: u4
    doc: Random time to wait on top of it, at most, in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.21
  - id: reason_code
    type: u2
    enum: nnrp_enums::reason_code
    doc: Why; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.21
  - id: source_role
    type: u1
    enum: nnrp_enums::runtime_role
    doc: The role that asks for it; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.21
  - id: flags
    type: u1
    valid:
      expr: (_ & 0xfc) == 0
    doc: bit 0 = applies_to_connection, bit 1 = applies_to_operation. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.21
    -nnrp:
      flags: retry_after_flags
  - id: diagnostic_bytes
    type: u4
    doc: Length of the diagnostic text, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.21
