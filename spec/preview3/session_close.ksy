meta:
  id: session_close
  title: NNRP/1-preview3 SESSION_CLOSE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SESSION_CLOSE
doc: One side ends a session and says what becomes of the operations in progress. There is no body.
doc-ref: NNRP/1-preview3 section 7.5
seq:
  - id: close_reason
    type: u2
    enum: nnrp_enums::close_reason
    valid:
      in-enum: true
    doc: Why the session ends.
    doc-ref: NNRP/1-preview3 section 6
  - id: in_flight_policy
    type: u1
    enum: nnrp_enums::in_flight_policy
    valid:
      in-enum: true
    doc: What becomes of the operations in progress.
    doc-ref: NNRP/1-preview3 section 6
  - id: reserved0
    type: u1
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.5
  - id: drain_timeout_ms
    type: u4
    doc: How long draining may take, in milliseconds; 0 = close at once.
    doc-ref: NNRP/1-preview3 section 7.5
  - id: last_operation_id
    type: u8
    doc: Last operation the sender knows of; 0 = none.
    doc-ref: NNRP/1-preview3 section 7.5
  - id: session_error_code
    type: u4
    enum: nnrp_enums::session_error_code
    doc: Error behind the close, or 0; any value is accepted.
    doc-ref: NNRP/1-preview3 section 9.1
  - id: session_close_tag
    type: u4
    doc: Tag that ties the close to its log entries.
    doc-ref: NNRP/1-preview3 section 7.5
