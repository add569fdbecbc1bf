meta:
  id: error_message
  title: NNRP/1-preview3 ERROR metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: ERROR
    checks: [check_err_1, error_scope]
doc: Either side reports an error. The body is diagnostic text, assumed to be UTF-8.
doc-ref: NNRP/1-preview3 section 7.20
seq:
  - id: error_code
    type: u4
    enum: nnrp_enums::error_code
    doc: What went wrong; the session, cache and schema error codes are used here as well. Any value is accepted.
    doc-ref: NNRP/1-preview3 section 9.4
  - id: error_scope
    type: u4
    enum: nnrp_enums::error_scope
    valid:
      in-enum: true
    doc: What the error applies to.
    doc-ref: NNRP/1-preview3 section 6
  - id: is_fatal
    type: u4
    doc: >-
      1 when the scope cannot go on, otherwise 0.
    doc-ref: NNRP/1-preview3 section 7.20
  - id: retry_after_ms
    type: u4
    doc: Advice on when to try again, in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.20
  - id: related_session_id
    type: u4
    doc: Session concerned.
    doc-ref: NNRP/1-preview3 section 7.20
  - id: related_frame_id
    type: u4
    doc: Frame concerned.
    doc-ref: NNRP/1-preview3 section 7.20
  - id: related_view_id
    type: u4
    doc: Lane concerned.
    doc-ref: NNRP/1-preview3 section 7.20
  - id: diagnostic_bytes
    type: u4
    doc: Length of the text in the body in bytes; not compared with body_len.
    doc-ref: NNRP/1-preview3 section 7.20
  - id: check_err_1
    size: 0
    valid:
      expr: _.length == 0 and is_fatal <= 1
    doc: The fatal mark is 0 or 1.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: ERR-1
