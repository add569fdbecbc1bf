meta:
  id: partial_result
  title: NNRP/1-preview4 PARTIAL_RESULT metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: PARTIAL_RESULT
doc: Either side delivers a part of a result before its end. The body is the part, or an object holds it.
doc-ref: NNRP/1-preview4 section 7.14
seq:
  - id: operation_id
    type: u8
    doc: Operation that the part belongs to.
    doc-ref: NNRP/1-preview4 section 7.14
  - id: result_sequence
    type: u8
    doc: Rises within the operation.
    doc-ref: NNRP/1-preview4 section 7.14
  - id: object_id
    type: u8
    doc: Object that holds the part; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.14
  - id: delta_sequence
    type: u8
    doc: Counter of the deltas of the object.
    doc-ref: NNRP/1-preview4 section 7.14
  - id: body_bytes
    type: u4
    doc: Length of the body in bytes; 0 only with an object.
    doc-ref: NNRP/1-preview4 section 7.14
  - id: flags
    type: u4
    valid:
      expr: (_ & 0xfffffffc) == 0
    doc: bit 0 = final_partial, bit 1 = object_ref_present. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.14
    -nnrp:
      flags: partial_result_flags
