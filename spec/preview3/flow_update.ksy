meta:
  id: flow_update
  title: NNRP/1-preview3 FLOW_UPDATE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: FLOW_UPDATE
doc: >-
  Either side grants or withdraws credit for the connection, a session or one operation. The rules that tie the
  fields to the scope need the header and stand in nnrp_packet.
doc-ref: NNRP/1-preview3 section 7.9
seq:
  - id: scope_kind
    type: u1
    enum: nnrp_enums::scope_kind
    valid:
      in-enum: true
    doc: What the update applies to.
    doc-ref: NNRP/1-preview3 section 6
  - id: update_reason
    type: u1
    enum: nnrp_enums::update_reason
    valid:
      in-enum: true
    doc: Why the update is sent.
    doc-ref: NNRP/1-preview3 section 6
  - id: backpressure_level
    type: u1
    enum: nnrp_enums::backpressure_level
    valid:
      in-enum: true
    doc: How hard the sender pushes back.
    doc-ref: NNRP/1-preview3 section 6
  - id: reserved0
    type: u1
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.9
  - id: connection_credit
    type: u2
    doc: Credit for the whole connection; zero in session scope.
    doc-ref: NNRP/1-preview3 section 7.9
  - id: session_credit
    type: u2
    doc: Credit for the session; zero in connection scope.
    doc-ref: NNRP/1-preview3 section 7.9
  - id: operation_credit
    type: u2
    doc: Credit for one operation; zero in connection and session scope.
    doc-ref: NNRP/1-preview3 section 7.9
  - id: reserved1
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.9
  - id: operation_id
    type: u8
    doc: Operation concerned; non-zero in operation scope, zero in the others.
    doc-ref: NNRP/1-preview3 section 7.9
  - id: retry_after_ms
    type: u4
    doc: Advice on when to try again, in milliseconds; zero unless bit 1 of flow_flags is set.
    doc-ref: NNRP/1-preview3 section 7.9
  - id: credit_epoch
    type: u4
    doc: Sequence number of the updates within one scope.
    doc-ref: NNRP/1-preview3 section 7.9
  - id: flow_flags
    type: u4
    valid:
      expr: (_ & 0xfffffff0) == 0
    doc: >-
      How to read the update; bit 0 = credit_valid, bit 1 = retry_after_valid, bit 2 = background_only, bit 3 =
      drain_in_flight_only. Every other bit is refused.
    doc-ref: NNRP/1-preview3 section 8.9
    -nnrp:
      flags: flow_flags
