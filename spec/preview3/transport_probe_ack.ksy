meta:
  id: transport_probe_ack
  title: NNRP/1-preview3 TRANSPORT_PROBE_ACK metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: TRANSPORT_PROBE_ACK
doc: The server's answer to TRANSPORT_PROBE. There is no body.
doc-ref: NNRP/1-preview3 section 7.14
seq:
  - id: probe_id
    type: u4
    doc: Id of the probe answered.
    doc-ref: NNRP/1-preview3 section 7.14
  - id: reserved0
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview3 section 7.14
  - id: server_recv_ts_us
    type: u8
    doc: Server clock when the probe arrived, in microseconds.
    doc-ref: NNRP/1-preview3 section 7.14
