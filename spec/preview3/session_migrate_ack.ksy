meta:
  id: session_migrate_ack
  title: NNRP/1-preview3 SESSION_MIGRATE_ACK metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SESSION_MIGRATE_ACK
doc: The server's answer to SESSION_MIGRATE. There is no body.
doc-ref: NNRP/1-preview3 section 7.16
seq:
  - id: accept_code
    type: u4
    enum: nnrp_enums::migrate_accept_code
    doc: >-
      0 = accepted, anything else is a refusal; any value parses.
    doc-ref: NNRP/1-preview3 section 6
  - id: resume_from_frame_id
    type: u8
    doc: First frame whose result is sent again.
    doc-ref: NNRP/1-preview3 section 7.16
  - id: grace_window_ms
    type: u4
    doc: How long the old path stays usable, in milliseconds.
    doc-ref: NNRP/1-preview3 section 7.16
  - id: server_migrate_ts_us
    type: u8
    doc: Server clock at the move, in microseconds.
    doc-ref: NNRP/1-preview3 section 7.16
