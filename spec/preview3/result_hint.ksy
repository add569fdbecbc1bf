meta:
  id: result_hint
  title: NNRP/1-preview3 RESULT_HINT metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: RESULT_HINT
doc: >-
  The server tells the client how it treats a frame, or with frame id 0 the whole session, under load. There is
  no body.
doc-ref: NNRP/1-preview3 section 7.10
seq:
  - id: applied_budget_policy
    type: u4
    enum: nnrp_enums::result_hint_budget_policy
    valid:
      in-enum: true
    doc: Budget policy applied, as a single value; not the bitmap of the same name in RESULT_PUSH.
    doc-ref: NNRP/1-preview3 section 6
  - id: congestion_state
    type: u4
    enum: nnrp_enums::result_hint_congestion_state
    valid:
      in-enum: true
    doc: Load of the server.
    doc-ref: NNRP/1-preview3 section 6
  - id: reason
    type: u4
    enum: nnrp_enums::result_hint_reason
    valid:
      in-enum: true
    doc: Why the hint is sent.
    doc-ref: NNRP/1-preview3 section 6
  - id: retry_after_ms
    type: u4
    doc: Advice on when to try again, in milliseconds; 0 = none.
    doc-ref: NNRP/1-preview3 section 7.10
