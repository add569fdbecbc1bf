meta:
  id: scheduling
  title: NNRP/1-preview4 SCHEDULING metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: SCHEDULING
doc: >-
  PRIORITY_UPDATE, DEADLINE and EXPIRE_AT: either side changes when an operation is to run, or to be done. There
  is no body.
doc-ref: NNRP/1-preview4 section 7.10
seq:
  - id: operation_id
    type: u8
    doc: Operation that the message is about.
    doc-ref: NNRP/1-preview4 section 7.10
  - id: control_sequence
    type: u8
    doc: Counter of the sender.
    doc-ref: NNRP/1-preview4 section 7.10
  - id: priority_class
    type: u2
    doc: New priority class, in PRIORITY_UPDATE; any value is accepted.
    doc-ref: NNRP/1-preview4 section 7.10
  - id: priority_delta
    type: s2
    doc: Change of the priority within its class; signed.
    doc-ref: NNRP/1-preview4 section 7.10
  - id: deadline_unix_ms
    type: u8
    doc: Wall clock in milliseconds since 1970; not 0 in DEADLINE and EXPIRE_AT.
    doc-ref: NNRP/1-preview4 section 7.10
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: bit 0 = discard_stale, bit 1 = emit_drop_reason. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.10
    -nnrp:
      flags: scheduling_flags
