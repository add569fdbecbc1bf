meta:
  id: session_close_ack
  title: NNRP/1-preview3 SESSION_CLOSE_ACK metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SESSION_CLOSE_ACK
doc: The answer to SESSION_CLOSE. There is no body.
doc-ref: NNRP/1-preview3 section 7.6
seq:
  - id: close_status
    type: u1
    enum: nnrp_enums::close_status
    valid:
      in-enum: true
    doc: How far the close has come.
    doc-ref: NNRP/1-preview3 section 6
  - id: reserved0
    type: u1
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.6
  - id: reserved1
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.6
  - id: last_operation_id
    type: u8
    doc: Last operation, confirmed.
    doc-ref: NNRP/1-preview3 section 7.6
  - id: session_error_code
    type: u4
    enum: nnrp_enums::session_error_code
    doc: Error met while closing, or 0; any value is accepted.
    doc-ref: NNRP/1-preview3 section 9.1
