meta:
  id: tensor_profile_patch_block
  title: NNRP/1-preview3 tensor profile patch block
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    wire-name: TENSOR_PROFILE_PATCH_BLOCK
doc: >-
  Body of SESSION_PATCH and SESSION_PATCH_ACK for the tensor profile: limits on the size of the input. Defined
  by the documents only.
doc-ref: NNRP/1-preview3 section 11.2
seq:
  - id: min_width
    type: u4
    doc: Smallest width in pixels.
    doc-ref: NNRP/1-preview3 section 11.2
  - id: min_height
    type: u4
    doc: Smallest height in pixels.
    doc-ref: NNRP/1-preview3 section 11.2
  - id: max_width
    type: u4
    doc: Largest width in pixels.
    doc-ref: NNRP/1-preview3 section 11.2
  - id: max_height
    type: u4
    doc: Largest height in pixels.
    doc-ref: NNRP/1-preview3 section 11.2
