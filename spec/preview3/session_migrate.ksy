meta:
  id: session_migrate
  title: NNRP/1-preview3 SESSION_MIGRATE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: SESSION_MIGRATE
doc: The client moves a session to another transport. There is no body.
doc-ref: NNRP/1-preview3 section 7.15
seq:
  - id: old_transport_id
    type: u4
    enum: nnrp_enums::transport_id
    valid:
      in-enum: true
    doc: Transport that is left; not 0.
    doc-ref: NNRP/1-preview3 section 6
  - id: new_transport_id
    type: u4
    enum: nnrp_enums::transport_id
    valid:
      in-enum: true
    doc: Transport that is joined; not 0. Equality with the old one is not checked here.
    doc-ref: NNRP/1-preview3 section 6
  - id: last_result_frame_id
    type: u8
    doc: Frame id of the last result the client has.
    doc-ref: NNRP/1-preview3 section 7.15
  - id: client_migrate_ts_us
    type: u8
    doc: Client clock at the move, in microseconds.
    doc-ref: NNRP/1-preview3 section 7.15
  - id: check_mig_1
    size: 0
    valid:
      expr: _.length == 0 and old_transport_id.to_i != 0
    doc: The transport that is left is named.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: MIG-1
  - id: check_mig_2
    size: 0
    valid:
      expr: _.length == 0 and new_transport_id.to_i != 0
    doc: The transport that is joined is named.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: MIG-2
