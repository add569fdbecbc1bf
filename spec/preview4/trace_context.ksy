meta:
  id: trace_context
  title: NNRP/1-preview4 TRACE_CONTEXT metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: TRACE_CONTEXT
doc: Either side passes on the trace that work belongs to. The body is whatever the two sides agree on.
doc-ref: NNRP/1-preview4 section 7.18
seq:
  - id: trace_id
    type: u8
    doc: Trace.
    doc-ref: NNRP/1-preview4 section 7.18
  - id: span_id
    type: u8
    doc: Span.
    doc-ref: NNRP/1-preview4 section 7.18
  - id: parent_span_id
    type: u8
    doc: Parent of the span; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.18
  - id: stage_code
    type: u2
    enum: nnrp_enums::stage_code
    doc: What the span is about; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.18
  - id: flags
    type: u2
    valid:
      expr: (_ & 0xfffc) == 0
    doc: bit 0 = sampled, bit 1 = error. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.18
    -nnrp:
      flags: trace_context_flags
  - id: body_bytes
    type: u4
    doc: Length of the body in bytes.
    doc-ref: NNRP/1-preview4 section 7.18
