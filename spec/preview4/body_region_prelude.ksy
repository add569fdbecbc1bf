meta:
  id: body_region_prelude
  title: NNRP/1-preview4 body region prelude
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: BODY_REGION_PRELUDE
doc: Starts a region body and gives the length of the six regions that follow it, in this order and without gaps.
doc-ref: NNRP/1-preview4 section 7.2
seq:
  - id: inline_object_bytes
    type: u4
    doc: Length of the inline-object region in bytes.
    doc-ref: NNRP/1-preview4 section 7.2
  - id: object_reference_bytes
    type: u4
    doc: Length of the object-reference region in bytes; a multiple of 24.
    doc-ref: NNRP/1-preview4 section 7.2
  - id: typed_payload_descriptor_bytes
    type: u4
    doc: Length of the typed payload descriptors in bytes; 24 for each frame.
    doc-ref: NNRP/1-preview4 section 7.2
  - id: typed_payload_frame_bytes
    type: u4
    doc: Length of the typed payload frames in bytes.
    doc-ref: NNRP/1-preview4 section 7.2
  - id: extension_descriptor_bytes
    type: u4
    doc: Length of the extension descriptors in bytes; 16 for each frame.
    doc-ref: NNRP/1-preview4 section 7.2
  - id: extension_payload_bytes
    type: u4
    doc: Length of the extension payload in bytes.
    doc-ref: NNRP/1-preview4 section 7.2
  - id: body_flags
    type: u4
    valid: 0
    doc: No bits are defined; zero.
    doc-ref: NNRP/1-preview4 section 7.2
  - id: reserved
    type: u4
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.2
  - id: check_prelude_1
    size: 0
    valid:
      expr: _.length == 0 and object_reference_bytes % 24 == 0
    doc: The object-reference region holds whole blocks of 24 bytes.
    doc-ref: NNRP/1-preview4 section 7.2
    -nnrp:
      rule: PRELUDE-1
  - id: check_prelude_2
    size: 0
    valid:
      expr: _.length == 0 and typed_payload_descriptor_bytes % 24 == 0
    doc: The typed payload descriptors are whole. From release 4.23 on.
    doc-ref: NNRP/1-preview4 section 7.2
    -nnrp:
      rule: PRELUDE-2
  - id: check_prelude_3
    size: 0
    valid:
      expr: _.length == 0 and extension_descriptor_bytes % 16 == 0
    doc: The extension descriptors are whole. From release 4.23 on.
    doc-ref: NNRP/1-preview4 section 7.2
    -nnrp:
      rule: PRELUDE-3
