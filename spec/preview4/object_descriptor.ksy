meta:
  id: object_descriptor
  title: NNRP/1-preview4 OBJECT_DESCRIPTOR metadata
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports: [nnrp_enums]
  -nnrp:
    wire-name: OBJECT_DESCRIPTOR
doc: >-
  OBJECT_DECLARE: either side says that an object exists, and what it is. The body is metadata of the
  application.
doc-ref: NNRP/1-preview4 section 7.22
seq:
  - id: object_id
    type: u8
    doc: Identity of the object.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: object_kind
    type: u2
    enum: nnrp_enums::runtime_object_kind
    valid:
      in-enum: true
    doc: Kind of the object.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: producer_role
    type: u1
    enum: nnrp_enums::runtime_role
    valid:
      in-enum: true
    doc: The role that makes the object.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: consumer_role
    type: u1
    enum: nnrp_enums::runtime_role
    valid:
      in-enum: true
    doc: The role that uses the object.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: session_id
    type: u4
    doc: Session that owns the object; not compared with the header.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: byte_size
    type: u8
    doc: Size of the object in bytes.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: compute_cost_units
    type: u4
    doc: What it cost to make the object.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: memory_location_hint
    type: u2
    enum: nnrp_enums::memory_location_hint
    valid:
      in-enum: true
    doc: Where the object lies.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: ownership_hint
    type: u2
    enum: nnrp_enums::ownership_hint
    valid:
      in-enum: true
    doc: The side that owns the object.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: lifetime_hint_ms
    type: u4
    doc: How long the object lives, in milliseconds.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: metadata_bytes
    type: u4
    doc: Length of the metadata of the application, which is the body, in bytes.
    doc-ref: NNRP/1-preview4 section 7.22
  - id: reserved
    type: u8
    valid: 0
    doc: Reserved; zero.
    doc-ref: NNRP/1-preview4 section 7.22
