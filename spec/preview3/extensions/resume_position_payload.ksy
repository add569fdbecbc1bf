meta:
  id: resume_position_payload
  title: NNRP/1-preview3 payload of the control extension entry resume position
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: RESUME_POSITION_PAYLOAD
    fault-name: resume_position
doc: Says how many packets of a session its sender has received. The payload of the entry type 0x4e56, in SESSION_OPEN and SESSION_OPEN_ACK. An extension of this implementation.
doc-ref: NNRP/1-preview3 section 13.1
seq:
  - id: received
    type: u8
    doc: Packets of the session that the sender has received since it was opened, over all its connections.
    doc-ref: NNRP/1-preview3 section 13.1
