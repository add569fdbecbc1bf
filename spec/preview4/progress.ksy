meta:
  id: progress
  title: NNRP/1-preview4 PROGRESS metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: PROGRESS
doc: Either side says how far an operation has come. The body is whatever the two sides agree on.
doc-ref: NNRP/1-preview4 section 7.13
seq:
  - id: operation_id
    type: u8
    doc: Operation that the progress is of.
    doc-ref: NNRP/1-preview4 section 7.13
  - id: progress_sequence
    type: u8
    doc: Rises within the operation.
    doc-ref: NNRP/1-preview4 section 7.13
  - id: stage_code
    type: u2
    enum: nnrp_enums::stage_code
    doc: What the operation is doing; unknown values are accepted.
    doc-ref: NNRP/1-preview4 section 7.13
  - id: percent_x100
    type: u2
    doc: Hundredths of a percent, 0 to 10000; 0xffff = unknown. Every other value is refused.
    doc-ref: NNRP/1-preview4 section 7.13
  - id: object_id
    type: u8
    doc: Object that the progress is about; 0 = none.
    doc-ref: NNRP/1-preview4 section 7.13
  - id: body_bytes
    type: u4
    doc: Length of the body in bytes.
    doc-ref: NNRP/1-preview4 section 7.13
  - id: check_prog_1
    size: 0
    valid:
      expr: _.length == 0 and (percent_x100 <= 10000 or percent_x100 == 0xffff)
    doc: A percentage is at most 100, or unknown.
    doc-ref: NNRP/1-preview4 section 15.2
    -nnrp:
      rule: PROG-1
