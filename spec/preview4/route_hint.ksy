meta:
  id: route_hint
  title: NNRP/1-preview4 ROUTE_HINT metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: ROUTE_HINT
doc: >-
  ROUTE_HINT and EXECUTION_HINT: either side says where work is best done. The body is whatever the two sides
  agree on.
doc-ref: NNRP/1-preview4 section 7.17
seq:
  - id: operation_id
    type: u8
    doc: Operation that the hint is for; 0 = the session.
    doc-ref: NNRP/1-preview4 section 7.17
  - id: route_id
    type: u4
    doc: Route.
    doc-ref: NNRP/1-preview4 section 7.17
  - id: executor_class
    type: u2
    enum: nnrp_enums::executor_class
    doc: The class of executor that should do the work; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.17
  - id: affinity_class
    type: u2
    enum: nnrp_enums::affinity_class
    doc: What the work should be near to; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.17
  - id: deadline_unix_ms
    type: u8
    doc: Wall clock in milliseconds since 1970; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.17
  - id: body_bytes
    type: u4
    doc: Length of the body in bytes.
    doc-ref: NNRP/1-preview4 section 7.17
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: bit 0 = must_honor, bit 1 = best_effort. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.17
    -nnrp:
      flags: route_hint_flags
