meta:
  id: budget
  title: NNRP/1-preview4 BUDGET metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: BUDGET
doc: >-
  BUDGET_UPDATE: either side changes what an operation may use. There is no body.
doc-ref: NNRP/1-preview4 section 7.12
seq:
  - id: operation_id
    type: u8
    doc: Operation that the message is about.
    doc-ref: NNRP/1-preview4 section 7.12
  - id: compute_budget_units
    type: u8
    doc: Units of compute.
    doc-ref: NNRP/1-preview4 section 7.12
  - id: memory_budget_bytes
    type: u8
    doc: Memory in bytes.
    doc-ref: NNRP/1-preview4 section 7.12
  - id: bandwidth_budget_bytes
    type: u8
    doc: Bandwidth in bytes.
    doc-ref: NNRP/1-preview4 section 7.12
  - id: token_budget
    type: u4
    doc: Tokens.
    doc-ref: NNRP/1-preview4 section 7.12
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: bit 0 = replace, bit 1 = increment. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.12
    -nnrp:
      flags: budget_flags
