meta:
  id: transport_probe
  title: NNRP/1-preview3 TRANSPORT_PROBE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: TRANSPORT_PROBE
doc: The client measures a transport. The body is padding.
doc-ref: NNRP/1-preview3 section 7.13
seq:
  - id: probe_id
    type: u4
    doc: Id of the probe, echoed by the answer.
    doc-ref: NNRP/1-preview3 section 7.13
  - id: probe_payload_bytes
    type: u4
    doc: Length of the padding in the body in bytes; not compared with body_len.
    doc-ref: NNRP/1-preview3 section 7.13
  - id: client_send_ts_us
    type: u8
    doc: Client clock when the probe was sent, in microseconds.
    doc-ref: NNRP/1-preview3 section 7.13
