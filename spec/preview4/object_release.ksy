meta:
  id: object_release
  title: NNRP/1-preview4 OBJECT_RELEASE metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: OBJECT_RELEASE
    checks: [flags, reserved, release_reason, source_role]
doc: Either side gives up an object. The body is a diagnostic text.
doc-ref: NNRP/1-preview4 section 7.24
seq:
  - id: object_id
    type: u8
    doc: Object.
    doc-ref: NNRP/1-preview4 section 7.24
  - id: operation_id
    type: u8
    doc: Operation that used the object; 0 = the session.
    doc-ref: NNRP/1-preview4 section 7.24
  - id: release_reason
    type: u2
    enum: nnrp_enums::object_release_reason
    valid:
      in-enum: true
    doc: Why the object is given up.
    doc-ref: NNRP/1-preview4 section 7.24
  - id: source_role
    type: u1
    enum: nnrp_enums::runtime_role
    valid:
      in-enum: true
    doc: The role that gives it up.
    doc-ref: NNRP/1-preview4 section 7.24
  - id: flags
    type: u1
    valid:
      expr: (_ & 0xfc) == 0
    doc: bit 0 = final_release, bit 1 = invalidates_dependents. Every other bit is refused.
    doc-ref: NNRP/1-preview4 section 7.24
    -nnrp:
      flags: object_release_flags
  - id: diagnostic_bytes
    type: u4
    doc: Length of the diagnostic text, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.24
  - id: reserved
    type: u8
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.24
