meta:
  id: nnrp_packet
  title: NNRP/1-preview4 packet
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  imports:
    - nnrp_enums
    - common_header
    - budget
    - cache_ack
    - cache_invalidate
    - cache_miss
    - cache_put
    - cache_reference
    - capability
    - client_hello
    - control_request
    - error_message
    - error_recoverable
    - flow_update
    - frame_submit
    - object_delta
    - object_descriptor
    - object_reference
    - object_release
    - partial_result
    - pressure
    - progress
    - result_drop_reason
    - result_hint
    - result_push
    - retry_after
    - route_hint
    - scheduling
    - server_hello_ack
    - session_close
    - session_close_ack
    - session_migrate
    - session_migrate_ack
    - session_open
    - session_open_ack
    - session_patch
    - session_patch_ack
    - supersede
    - trace_context
    - transport_probe
    - transport_probe_ack
doc: >-
  One whole packet: header, metadata and body, with the rules that need the header and the metadata together.
  The input must hold exactly one packet.
doc-ref: NNRP/1-preview3 section 3
seq:
  - id: header
    type: common_header
    doc: Common header, 40 bytes.
    doc-ref: NNRP/1-preview3 section 3
  - id: check_length_sum
    size: 0
    valid:
      expr: _.length == 0 and header.body_len <= 0xffffffff - header.meta_len
    doc: The sum of the two lengths fits 32 bits.
    doc-ref: NNRP/1-preview3 section 3
    -nnrp:
      kind: message_length_overflow
  - id: check_ctrl_1
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::frame_cancel or header.message_type ==
      nnrp_enums::message_type::ping or header.message_type == nnrp_enums::message_type::pong
    valid:
      expr: _.length == 0 and header.meta_len == 0 and header.body_len == 0
    doc: FRAME_CANCEL, PING and PONG are the header alone.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: CTRL-1
  - id: check_ctrl_2
    size: 0
    if: header.message_type == nnrp_enums::message_type::close
    valid:
      expr: _.length == 0 and header.meta_len == 0
    doc: CLOSE has no metadata; it may have a body.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: CTRL-2
  - id: check_ctrl_3
    size: 0
    if: header.message_type == nnrp_enums::message_type::result_drop
    valid:
      expr: _.length == 0 and header.meta_len == 0 and header.body_len == 0
    doc: RESULT_DROP is the header alone.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: CTRL-3
  - id: check_meta_len
    size: 0
    valid:
      expr: _.length == 0 and header.meta_len == expected_meta_len.as<u4>
    doc: The metadata has exactly the length of its structure.
    doc-ref: NNRP/1-preview3 section 14
  - id: metadata
    size: header.meta_len
    type:
      switch-on: header.message_type
      cases:
        nnrp_enums::message_type::client_hello: client_hello
        nnrp_enums::message_type::server_hello_ack: server_hello_ack
        nnrp_enums::message_type::session_patch: session_patch
        nnrp_enums::message_type::session_patch_ack: session_patch_ack
        nnrp_enums::message_type::error: error_message
        nnrp_enums::message_type::session_open: session_open
        nnrp_enums::message_type::session_open_ack: session_open_ack
        nnrp_enums::message_type::session_close: session_close
        nnrp_enums::message_type::session_close_ack: session_close_ack
        nnrp_enums::message_type::frame_submit: frame_submit
        nnrp_enums::message_type::result_push: result_push
        nnrp_enums::message_type::cache_put: cache_put
        nnrp_enums::message_type::cache_ack: cache_ack
        nnrp_enums::message_type::cache_invalidate: cache_invalidate
        nnrp_enums::message_type::flow_update: flow_update
        nnrp_enums::message_type::result_hint: result_hint
        nnrp_enums::message_type::transport_probe: transport_probe
        nnrp_enums::message_type::transport_probe_ack: transport_probe_ack
        nnrp_enums::message_type::session_migrate: session_migrate
        nnrp_enums::message_type::session_migrate_ack: session_migrate_ack
        nnrp_enums::message_type::cancel: control_request
        nnrp_enums::message_type::abort: control_request
        nnrp_enums::message_type::priority_update: scheduling
        nnrp_enums::message_type::deadline: scheduling
        nnrp_enums::message_type::expire_at: scheduling
        nnrp_enums::message_type::supersede: supersede
        nnrp_enums::message_type::budget_update: budget
        nnrp_enums::message_type::progress: progress
        nnrp_enums::message_type::partial_result: partial_result
        nnrp_enums::message_type::backpressure: pressure
        nnrp_enums::message_type::credit_update: pressure
        nnrp_enums::message_type::capability_negotiation: capability
        nnrp_enums::message_type::degrade_profile: capability
        nnrp_enums::message_type::route_hint: route_hint
        nnrp_enums::message_type::execution_hint: route_hint
        nnrp_enums::message_type::trace_context: trace_context
        nnrp_enums::message_type::result_drop_reason: result_drop_reason
        nnrp_enums::message_type::object_declare: object_descriptor
        nnrp_enums::message_type::object_ref: object_reference
        nnrp_enums::message_type::object_release: object_release
        nnrp_enums::message_type::object_patch: object_delta
        nnrp_enums::message_type::object_delta: object_delta
        nnrp_enums::message_type::cache_reference: cache_reference
        nnrp_enums::message_type::cache_miss: cache_miss
        nnrp_enums::message_type::error_recoverable: error_recoverable
        nnrp_enums::message_type::retry_after: retry_after
    doc: Metadata structure of the message; empty for the messages that have none.
    doc-ref: NNRP/1-preview4 section 4
  - id: check_flow_2
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::flow_update and metadata.as<flow_update>.scope_kind ==
      nnrp_enums::scope_kind::connection
    valid:
      expr: >-
        _.length == 0 and header.session_id == 0 and metadata.as<flow_update>.session_credit == 0 and
        metadata.as<flow_update>.operation_credit == 0 and metadata.as<flow_update>.operation_id == 0
    doc: >-
      Connection scope: no session, no other credit and no operation.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: FLOW-2
  - id: check_flow_3
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::flow_update and metadata.as<flow_update>.scope_kind ==
      nnrp_enums::scope_kind::session
    valid:
      expr: >-
        _.length == 0 and header.session_id != 0 and metadata.as<flow_update>.connection_credit == 0 and
        metadata.as<flow_update>.operation_credit == 0 and metadata.as<flow_update>.operation_id == 0
    doc: >-
      Session scope: a session, no other credit and no operation.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: FLOW-3
  - id: check_flow_4
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::flow_update and metadata.as<flow_update>.scope_kind ==
      nnrp_enums::scope_kind::operation
    valid:
      expr: _.length == 0 and header.session_id != 0 and metadata.as<flow_update>.operation_id != 0
    doc: >-
      Operation scope: a session and an operation; the other credits are free.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: FLOW-4
  - id: check_flow_5
    size: 0
    if: header.message_type == nnrp_enums::message_type::flow_update
    valid:
      expr: >-
        _.length == 0 and ((metadata.as<flow_update>.flow_flags & 0x02) != 0 or
        metadata.as<flow_update>.retry_after_ms == 0)
    doc: A delay is given only with the flag retry_after_valid.
    doc-ref: NNRP/1-preview3 section 15.2
    -nnrp:
      rule: FLOW-5
  - id: check_body_none
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::session_close or header.message_type ==
      nnrp_enums::message_type::session_close_ack or header.message_type == nnrp_enums::message_type::cache_ack
      or header.message_type == nnrp_enums::message_type::cache_invalidate or header.message_type ==
      nnrp_enums::message_type::flow_update or header.message_type == nnrp_enums::message_type::result_hint or
      header.message_type == nnrp_enums::message_type::transport_probe_ack or header.message_type ==
      nnrp_enums::message_type::session_migrate or header.message_type ==
      nnrp_enums::message_type::session_migrate_ack or header.message_type ==
      nnrp_enums::message_type::priority_update or header.message_type == nnrp_enums::message_type::deadline or
      header.message_type == nnrp_enums::message_type::expire_at or header.message_type ==
      nnrp_enums::message_type::budget_update or header.message_type == nnrp_enums::message_type::backpressure
      or header.message_type == nnrp_enums::message_type::credit_update
    valid:
      expr: _.length == 0 and header.body_len == 0
    doc: These messages have metadata and never a body.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: unexpected_body
  - id: check_session_patch_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::session_patch
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<session_patch>.profile_patch_bytes
    doc: The body of SESSION_PATCH has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_session_patch_ack_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::session_patch_ack
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<session_patch_ack>.profile_patch_ack_bytes
    doc: The body of SESSION_PATCH_ACK has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_cache_put_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::cache_put
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<cache_put>.object_bytes
    doc: The body of CACHE_PUT has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_control_request_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::cancel or header.message_type ==
      nnrp_enums::message_type::abort
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<control_request>.diagnostic_bytes
    doc: The body of CANCEL and ABORT has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_supersede_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::supersede
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<supersede>.diagnostic_bytes
    doc: The body of SUPERSEDE has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_progress_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::progress
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<progress>.body_bytes
    doc: The body of PROGRESS has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_partial_result_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::partial_result
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<partial_result>.body_bytes
    doc: The body of PARTIAL_RESULT has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_capability_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::capability_negotiation or header.message_type ==
      nnrp_enums::message_type::degrade_profile
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<capability>.body_bytes
    doc: The body of CAPABILITY_NEGOTIATION and DEGRADE_PROFILE has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_route_hint_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::route_hint or header.message_type ==
      nnrp_enums::message_type::execution_hint
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<route_hint>.body_bytes
    doc: The body of ROUTE_HINT and EXECUTION_HINT has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_trace_context_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::trace_context
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<trace_context>.body_bytes
    doc: The body of TRACE_CONTEXT has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_result_drop_reason_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::result_drop_reason
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<result_drop_reason>.diagnostic_bytes
    doc: The body of RESULT_DROP_REASON has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_object_descriptor_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::object_declare
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<object_descriptor>.metadata_bytes
    doc: The body of OBJECT_DECLARE has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_object_reference_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::object_ref
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<object_reference>.metadata_bytes
    doc: The body of OBJECT_REF has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_object_release_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::object_release
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<object_release>.diagnostic_bytes
    doc: The body of OBJECT_RELEASE has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_object_delta_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::object_patch or header.message_type ==
      nnrp_enums::message_type::object_delta
    valid:
      expr: >-
        _.length == 0 and header.body_len >= metadata.as<object_delta>.metadata_bytes and header.body_len -
        metadata.as<object_delta>.metadata_bytes == metadata.as<object_delta>.delta_bytes
    doc: The body of OBJECT_PATCH and OBJECT_DELTA has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_cache_reference_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::cache_reference
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<cache_reference>.metadata_bytes
    doc: The body of CACHE_REFERENCE has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_cache_miss_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::cache_miss
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<cache_miss>.diagnostic_bytes
    doc: The body of CACHE_MISS has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_error_recoverable_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::error_recoverable
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<error_recoverable>.diagnostic_bytes
    doc: The body of ERROR_RECOVERABLE has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: check_retry_after_body
    size: 0
    if: >-
      header.message_type == nnrp_enums::message_type::retry_after
    valid:
      expr: >-
        _.length == 0 and header.body_len == metadata.as<retry_after>.diagnostic_bytes
    doc: The body of RETRY_AFTER has exactly the length that the metadata announces.
    doc-ref: NNRP/1-preview4 section 4
    -nnrp:
      kind: declared_length_mismatch
  - id: body
    size: header.body_len
    doc: >-
      Body of the message as bytes. The structures inside FRAME_SUBMIT and RESULT_PUSH bodies have schemas of
      their own, because nothing in the packet tells whether a body uses them.
    doc-ref: NNRP/1-preview3 section 10
  - id: check_packet_end
    size: 0
    valid:
      expr: _.length == 0 and _io.eof
    doc: Nothing follows the packet.
    doc-ref: NNRP/1-preview3 section 3
    -nnrp:
      kind: packet_length_mismatch
instances:
  expected_meta_len:
    value: >-
      header.message_type == nnrp_enums::message_type::client_hello ? sizeof<client_hello> :
      header.message_type == nnrp_enums::message_type::server_hello_ack ? sizeof<server_hello_ack> :
      header.message_type == nnrp_enums::message_type::session_patch ? sizeof<session_patch> :
      header.message_type == nnrp_enums::message_type::session_patch_ack ? sizeof<session_patch_ack> :
      header.message_type == nnrp_enums::message_type::error ? sizeof<error_message> :
      header.message_type == nnrp_enums::message_type::session_open ? sizeof<session_open> :
      header.message_type == nnrp_enums::message_type::session_open_ack ? sizeof<session_open_ack> :
      header.message_type == nnrp_enums::message_type::session_close ? sizeof<session_close> :
      header.message_type == nnrp_enums::message_type::session_close_ack ? sizeof<session_close_ack> :
      header.message_type == nnrp_enums::message_type::frame_submit ? sizeof<frame_submit> :
      header.message_type == nnrp_enums::message_type::result_push ? sizeof<result_push> :
      header.message_type == nnrp_enums::message_type::cache_put ? sizeof<cache_put> :
      header.message_type == nnrp_enums::message_type::cache_ack ? sizeof<cache_ack> :
      header.message_type == nnrp_enums::message_type::cache_invalidate ? sizeof<cache_invalidate> :
      header.message_type == nnrp_enums::message_type::flow_update ? sizeof<flow_update> :
      header.message_type == nnrp_enums::message_type::result_hint ? sizeof<result_hint> :
      header.message_type == nnrp_enums::message_type::transport_probe ? sizeof<transport_probe> :
      header.message_type == nnrp_enums::message_type::transport_probe_ack ? sizeof<transport_probe_ack> :
      header.message_type == nnrp_enums::message_type::session_migrate ? sizeof<session_migrate> :
      header.message_type == nnrp_enums::message_type::session_migrate_ack ? sizeof<session_migrate_ack> :
      header.message_type == nnrp_enums::message_type::cancel ? sizeof<control_request> :
      header.message_type == nnrp_enums::message_type::abort ? sizeof<control_request> :
      header.message_type == nnrp_enums::message_type::priority_update ? sizeof<scheduling> :
      header.message_type == nnrp_enums::message_type::deadline ? sizeof<scheduling> :
      header.message_type == nnrp_enums::message_type::expire_at ? sizeof<scheduling> :
      header.message_type == nnrp_enums::message_type::supersede ? sizeof<supersede> :
      header.message_type == nnrp_enums::message_type::budget_update ? sizeof<budget> :
      header.message_type == nnrp_enums::message_type::progress ? sizeof<progress> :
      header.message_type == nnrp_enums::message_type::partial_result ? sizeof<partial_result> :
      header.message_type == nnrp_enums::message_type::backpressure ? sizeof<pressure> :
      header.message_type == nnrp_enums::message_type::credit_update ? sizeof<pressure> :
      header.message_type == nnrp_enums::message_type::capability_negotiation ? sizeof<capability> :
      header.message_type == nnrp_enums::message_type::degrade_profile ? sizeof<capability> :
      header.message_type == nnrp_enums::message_type::route_hint ? sizeof<route_hint> :
      header.message_type == nnrp_enums::message_type::execution_hint ? sizeof<route_hint> :
      header.message_type == nnrp_enums::message_type::trace_context ? sizeof<trace_context> :
      header.message_type == nnrp_enums::message_type::result_drop_reason ? sizeof<result_drop_reason> :
      header.message_type == nnrp_enums::message_type::object_declare ? sizeof<object_descriptor> :
      header.message_type == nnrp_enums::message_type::object_ref ? sizeof<object_reference> :
      header.message_type == nnrp_enums::message_type::object_release ? sizeof<object_release> :
      header.message_type == nnrp_enums::message_type::object_patch ? sizeof<object_delta> :
      header.message_type == nnrp_enums::message_type::object_delta ? sizeof<object_delta> :
      header.message_type == nnrp_enums::message_type::cache_reference ? sizeof<cache_reference> :
      header.message_type == nnrp_enums::message_type::cache_miss ? sizeof<cache_miss> :
      header.message_type == nnrp_enums::message_type::error_recoverable ? sizeof<error_recoverable> :
      header.message_type == nnrp_enums::message_type::retry_after ? sizeof<retry_after> :
      0
    doc: Metadata length in bytes that belongs to the message type.
    doc-ref: NNRP/1-preview3 section 2
