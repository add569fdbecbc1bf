meta:
  id: nnrp_enums
  title: NNRP/1-preview3 enumerations and flags
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    flag-sets:
      - header_flags
      - server_flags
      - session_flags
      - session_flags_ack
      - result_flags
      - budget_policy_flags
      - payload_kind_flags
      - object_ref_flags
      - flow_flags
      - patch_flags
      - cache_put_flags
      - schema_flags
      - descriptor_flags
      - extension_flags
doc: >-
  Message types, enumerations, error codes and flag bits used by the other schemas. The enumerations listed
  under flag-sets hold single bits that may be combined.
doc-ref: NNRP/1-preview3 section 4
enums:
  message_type:
    0x01:
      id: client_hello
      doc: Client offers versions and capabilities.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: client_to_server
        metadata: client_hello
        session-id: zero
        frame-id: zero
        body: any
    0x02:
      id: server_hello_ack
      doc: Server answers the hello with its choice.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: server_to_client
        metadata: server_hello_ack
        session-id: zero
        frame-id: zero
        body: any
    0x03:
      id: session_patch
      doc: Client changes the settings of a session.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: client_to_server
        metadata: session_patch
        session-id: required
        frame-id: zero
        body: any
    0x04:
      id: session_patch_ack
      doc: Server answers a patch.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: server_to_client
        metadata: session_patch_ack
        session-id: required
        frame-id: zero
        body: any
    0x05:
      id: close
      doc: Either side ends the connection; no metadata.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        session-id: zero
        frame-id: zero
        body: any
        no-metadata: CTRL-2
    0x06:
      id: error
      doc: Either side reports an error.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        metadata: error_message
        session-id: any
        frame-id: any
        body: any
    0x07:
      id: session_open
      doc: Client opens a session.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: client_to_server
        metadata: session_open
        session-id: zero
        frame-id: zero
        body: any
    0x08:
      id: session_open_ack
      doc: Server grants or refuses a session.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: server_to_client
        metadata: session_open_ack
        session-id: any
        frame-id: zero
        body: any
    0x09:
      id: session_close
      doc: Either side ends a session.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        metadata: session_close
        session-id: required
        frame-id: zero
        body: none
    0x0a:
      id: session_close_ack
      doc: Answer to the end of a session.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        metadata: session_close_ack
        session-id: required
        frame-id: zero
        body: none
    0x10:
      id: frame_submit
      doc: Client submits one unit of work.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: client_to_server
        metadata: frame_submit
        session-id: required
        frame-id: required
        body: any
    0x11:
      id: frame_cancel
      doc: Client cancels a submitted frame; header only.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: client_to_server
        session-id: required
        frame-id: required
        body: none
        header-only: CTRL-1
    0x12:
      id: result_push
      doc: Server delivers a result.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: server_to_client
        metadata: result_push
        session-id: required
        frame-id: required
        body: any
    0x13:
      id: result_drop
      doc: Server gives a frame up without a result; header only.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: server_to_client
        session-id: required
        frame-id: required
        body: none
        header-only: CTRL-3
    0x14:
      id: cache_put
      doc: Either side stores an object in the cache.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        metadata: cache_put
        session-id: required
        frame-id: zero
        body: any
    0x15:
      id: cache_ack
      doc: Answer to a cache put.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        metadata: cache_ack
        session-id: required
        frame-id: zero
        body: none
    0x16:
      id: cache_invalidate
      doc: Either side drops objects from the cache.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        metadata: cache_invalidate
        session-id: required
        frame-id: zero
        body: none
    0x17:
      id: flow_update
      doc: Either side grants or withdraws credit.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        metadata: flow_update
        session-id: any
        frame-id: zero
        body: none
    0x18:
      id: result_hint
      doc: Server says how it treats a frame or session under load.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: server_to_client
        metadata: result_hint
        session-id: required
        frame-id: any
        body: none
    0x19:
      id: transport_probe
      doc: Client measures a transport.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: client_to_server
        metadata: transport_probe
        session-id: zero
        frame-id: zero
        body: any
    0x1a:
      id: transport_probe_ack
      doc: Server answers a probe.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: server_to_client
        metadata: transport_probe_ack
        session-id: zero
        frame-id: zero
        body: none
    0x1b:
      id: session_migrate
      doc: Client moves a session to another transport.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: client_to_server
        metadata: session_migrate
        session-id: required
        frame-id: zero
        body: none
    0x1c:
      id: session_migrate_ack
      doc: Server answers a move.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: server_to_client
        metadata: session_migrate_ack
        session-id: required
        frame-id: zero
        body: none
    0x20:
      id: ping
      doc: Either side checks that the other is alive; header only.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        session-id: zero
        frame-id: zero
        body: none
        header-only: CTRL-1
    0x21:
      id: pong
      doc: Answer to a ping; header only.
      doc-ref: NNRP/1-preview3 section 4
      -nnrp:
        direction: both
        session-id: zero
        frame-id: zero
        body: none
        header-only: CTRL-1
  session_priority_class:
    0:
      id: interactive
      doc: A person waits for what the session does.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: balanced
      doc: Between interactive and background.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: background
      doc: The session may be served last.
      doc-ref: NNRP/1-preview3 section 6
  session_status:
    0:
      id: opened
      doc: A new session was opened.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: rejected
      doc: No session was opened.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: retry_later
      doc: No session was opened now; the client may try again.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: resumed
      doc: An earlier session goes on.
      doc-ref: NNRP/1-preview3 section 6
  close_reason:
    0:
      id: normal
      doc: The session is done.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: client_shutdown
      doc: The client is shutting down.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: server_shutdown
      doc: The server is shutting down.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: idle_timeout
      doc: The session was idle for too long.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: protocol_error
      doc: The other side broke the protocol.
      doc-ref: NNRP/1-preview3 section 6
    5:
      id: auth_revoked
      doc: The authentication is no longer valid.
      doc-ref: NNRP/1-preview3 section 6
  in_flight_policy:
    0:
      id: drain
      doc: Operations in progress are finished first.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: abort
      doc: Operations in progress are given up.
      doc-ref: NNRP/1-preview3 section 6
  close_status:
    0:
      id: acknowledged
      doc: The close was received.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: draining
      doc: Operations in progress are being finished.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: closed
      doc: The session is closed.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: rejected
      doc: The close was refused.
      doc-ref: NNRP/1-preview3 section 6
  scope_kind:
    0:
      id: connection
      doc: The whole connection.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: session
      doc: One session, named by the header.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: operation
      doc: One operation of the session named by the header.
      doc-ref: NNRP/1-preview3 section 6
  update_reason:
    0:
      id: grant
      doc: Credit is granted.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: reduce
      doc: Credit is reduced.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: pause
      doc: Sending is paused.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: resume
      doc: Sending goes on after a pause.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: congestion
      doc: The sender of the update is congested.
      doc-ref: NNRP/1-preview3 section 6
  backpressure_level:
    0:
      id: none
      doc: No backpressure.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: soft
      doc: Backpressure that asks for less.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: hard
      doc: Backpressure that asks for a stop.
      doc-ref: NNRP/1-preview3 section 6
  result_hint_budget_policy:
    0:
      id: none
      doc: No budget policy was applied.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: full
      doc: Full results are produced.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: partial
      doc: Partial results are produced.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: stale_reuse
      doc: Earlier results are used again.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: drop
      doc: Frames are dropped.
      doc-ref: NNRP/1-preview3 section 6
  result_hint_congestion_state:
    0:
      id: none
      doc: Nothing is said about the load.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: steady
      doc: The load is steady.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: elevated
      doc: The load is elevated.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: saturated
      doc: The server is saturated.
      doc-ref: NNRP/1-preview3 section 6
  result_hint_reason:
    0:
      id: none
      doc: No reason is given.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: queue_full
      doc: The queue is full.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: server_busy
      doc: The server is busy.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: budget_exceeded
      doc: The budget of the frame was exceeded.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: superseded
      doc: A later frame replaced the work.
      doc-ref: NNRP/1-preview3 section 6
  session_patch_ack_status:
    0:
      id: accepted
      doc: The whole patch was applied.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: partially_applied
      doc: Part of the patch was applied.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: rejected
      doc: Nothing was applied.
      doc-ref: NNRP/1-preview3 section 6
  session_patch_reject_reason:
    0:
      id: none
      doc: Nothing was refused.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: unsupported_field
      doc: A field cannot be changed here.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: invalid_range
      doc: A value is out of range.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: unsupported_strategy
      doc: A strategy is not supported.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: invalid_lane_mask
      doc: The lane mask is not valid.
      doc-ref: NNRP/1-preview3 section 6
    5:
      id: rate_limited
      doc: Patches come too often.
      doc-ref: NNRP/1-preview3 section 6
  transport_id:
    0:
      id: unspecified
      doc: No transport is named; never legal in SESSION_MIGRATE.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: quic
      doc: QUIC.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: tcp
      doc: TCP.
      doc-ref: NNRP/1-preview3 section 6
  error_scope:
    0:
      id: connection
      doc: The error applies to the connection.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: session
      doc: The error applies to a session.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: frame
      doc: The error applies to one frame.
      doc-ref: NNRP/1-preview3 section 6
  input_profile:
    0:
      id: unspecified
      doc: No tensor input is described.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: changed_tiles_luma
      doc: Luma of the tiles that changed.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: dense_luma_frame
      doc: Luma of the whole frame.
      doc-ref: NNRP/1-preview3 section 6
  tile_index_mode:
    0:
      id: dense_range
      doc: Consecutive tiles; the index has no bytes.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: raw_u16
      doc: One 16-bit id for each tile.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: delta_u16
      doc: The first 16-bit id, then the differences.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: bitset
      doc: One bit for each id, bit (id mod 8) of byte (id div 8).
      doc-ref: NNRP/1-preview3 section 6
  submit_mode:
    0:
      id: inline
      doc: All objects are in the body.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: reference
      doc: Objects are named by references to the cache.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: mixed
      doc: Some objects are in the body and some are references.
      doc-ref: NNRP/1-preview3 section 6
  result_class:
    0:
      id: complete
      doc: The result is complete.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: partial
      doc: The result covers a part.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: stale_reuse
      doc: The result is that of an earlier frame.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: degraded
      doc: The result has lower quality.
      doc-ref: NNRP/1-preview3 section 6
  cache_object_kind:
    1:
      id: camera_block
      doc: Camera block of a tensor frame.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: tile_index_block
      doc: Tile index of a tensor frame.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: tensor_section_table
      doc: Table of tensor sections.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: codec_table
      doc: Codec table.
      doc-ref: NNRP/1-preview3 section 6
    5:
      id: reusable_result_object
      doc: Result that can be used again.
      doc-ref: NNRP/1-preview3 section 6
    6:
      id: payload_layout_template
      doc: Template of a payload layout.
      doc-ref: NNRP/1-preview3 section 6
    7:
      id: prompt_segment
      doc: Part of a prompt.
      doc-ref: NNRP/1-preview3 section 6
    8:
      id: tool_schema
      doc: Schema of a tool.
      doc-ref: NNRP/1-preview3 section 6
    9:
      id: structured_event_schema
      doc: Schema of structured events.
      doc-ref: NNRP/1-preview3 section 6
  cache_ack_status:
    0:
      id: accepted
      doc: The object was stored.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: rejected
      doc: The object was refused.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: replaced
      doc: The object took the place of an earlier one.
      doc-ref: NNRP/1-preview3 section 6
  cache_invalidate_scope:
    0:
      id: whole_session
      doc: Every object of the session.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: namespace
      doc: Every object of one namespace.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: object_kind
      doc: Every object of one kind in the namespace.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: object_key
      doc: The object with one key.
      doc-ref: NNRP/1-preview3 section 6
  # Not a field of its own: one kind out of payload_kind_flags.
  payload_family_bit:
    0x01:
      id: tensor
      doc: Tensor data.
      doc-ref: NNRP/1-preview3 section 6
    0x02:
      id: token_chunk
      doc: Chunk of tokens.
      doc-ref: NNRP/1-preview3 section 6
    0x04:
      id: audio_chunk
      doc: Chunk of audio.
      doc-ref: NNRP/1-preview3 section 6
    0x08:
      id: video_chunk
      doc: Chunk of video.
      doc-ref: NNRP/1-preview3 section 6
    0x10:
      id: structured_event
      doc: Structured event.
      doc-ref: NNRP/1-preview3 section 6
    0x20:
      id: tool_delta
      doc: Change in a tool call.
      doc-ref: NNRP/1-preview3 section 6
    0x40:
      id: opaque_bytes
      doc: Bytes without a known structure.
      doc-ref: NNRP/1-preview3 section 6
  # Not carried by any preview3 structure, like the next two.
  operation_state:
    0:
      id: accepted
      doc: The operation was accepted.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: running
      doc: The operation is running.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: partial
      doc: The operation has delivered a part.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: waiting_tool
      doc: The operation waits for a tool.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: superseded
      doc: Another operation took its place; terminal.
      doc-ref: NNRP/1-preview3 section 6
    5:
      id: cancelled
      doc: The operation was cancelled; terminal.
      doc-ref: NNRP/1-preview3 section 6
    6:
      id: failed
      doc: The operation failed; terminal.
      doc-ref: NNRP/1-preview3 section 6
    7:
      id: completed
      doc: The operation is complete; terminal.
      doc-ref: NNRP/1-preview3 section 6
  cancel_scope:
    0:
      id: operation
      doc: One operation.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: subtree
      doc: An operation and those below it.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: group
      doc: The operations of a group.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: session
      doc: Every operation of a session.
      doc-ref: NNRP/1-preview3 section 6
  lease_owner_scope:
    0:
      id: connection
      doc: The lease belongs to the connection.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: session
      doc: The lease belongs to a session.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: operation
      doc: The lease belongs to an operation.
      doc-ref: NNRP/1-preview3 section 6
  # Not range-checked from here to profile_id.
  frame_class:
    0:
      id: keyframe
      doc: Frame that stands alone.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: delta
      doc: Frame that builds on an earlier one.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: retransmit
      doc: Frame that is sent again.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: discardable
      doc: Frame that may be dropped.
      doc-ref: NNRP/1-preview3 section 6
  loss_tolerance_policy:
    0:
      id: strict
      doc: Nothing may be lost.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: best_effort
      doc: Losses are avoided where possible.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: low_latency
      doc: Speed counts more than losses.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: fire_and_forget
      doc: Losses do not matter.
      doc-ref: NNRP/1-preview3 section 6
    255:
      id: inherit_session
      doc: The level of the session applies.
      doc-ref: NNRP/1-preview3 section 6
  stream_semantics:
    0:
      id: default
      doc: The default of the schema or profile.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: snapshot
      doc: Each payload is a whole state.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: append
      doc: Each payload is added to those before it.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: replace
      doc: Each payload replaces those before it.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: event
      doc: Each payload is an event.
      doc-ref: NNRP/1-preview3 section 6
    5:
      id: tool_update
      doc: Each payload is an update of a tool call.
      doc-ref: NNRP/1-preview3 section 6
  degrade_policy:
    0:
      id: server_default
      doc: The server decides.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: prefer_quality
      doc: Quality is kept as long as possible.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: prefer_latency
      doc: Latency is kept as long as possible.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: allow_aggressive_fallback
      doc: The server may fall back at once.
      doc-ref: NNRP/1-preview3 section 6
  transport_policy:
    0:
      id: auto
      doc: Any transport.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: prefer_quic
      doc: QUIC when possible.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: prefer_tcp
      doc: TCP when possible.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: force_quic
      doc: Only QUIC.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: force_tcp
      doc: Only TCP.
      doc-ref: NNRP/1-preview3 section 6
  migrate_accept_code:
    0:
      id: accepted
      doc: The move was accepted; every other value is a refusal.
      doc-ref: NNRP/1-preview3 section 6
  status_code:
    0:
      id: success
      doc: The work succeeded.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: degraded
      doc: The work succeeded with lower quality.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: rejected
      doc: The work was refused.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: failed
      doc: The work failed.
      doc-ref: NNRP/1-preview3 section 6
    200:
      id: ok
      doc: The work succeeded; used in place of 0 by some peers.
      doc-ref: NNRP/1-preview3 section 6
  auth_status:
    0:
      id: success
      doc: The authentication succeeded; no other value is defined.
      doc-ref: NNRP/1-preview3 section 6
  dtype_id:
    0:
      id: fp16
      doc: >-
        16-bit floating point.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: fp32
      doc: >-
        32-bit floating point.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: fp8_e4m3
      doc: >-
        8-bit floating point, 4 exponent and 3 mantissa bits.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: fp8_e5m2
      doc: >-
        8-bit floating point, 5 exponent and 2 mantissa bits.
      doc-ref: NNRP/1-preview3 section 6
    4:
      id: int8
      doc: >-
        8-bit signed integer.
      doc-ref: NNRP/1-preview3 section 6
    5:
      id: uint8
      doc: >-
        8-bit unsigned integer.
      doc-ref: NNRP/1-preview3 section 6
    6:
      id: int16
      doc: >-
        16-bit signed integer.
      doc-ref: NNRP/1-preview3 section 6
    7:
      id: uint16
      doc: >-
        16-bit unsigned integer.
      doc-ref: NNRP/1-preview3 section 6
  layout_id:
    0:
      id: nhwc
      doc: Batch, height, width, channel.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: nchw
      doc: Batch, channel, height, width.
      doc-ref: NNRP/1-preview3 section 6
  codec_id:
    0:
      id: raw
      doc: Not compressed.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: lz4
      doc: LZ4.
      doc-ref: NNRP/1-preview3 section 6
  scale_policy:
    0:
      id: none
      doc: No scale factors.
      doc-ref: NNRP/1-preview3 section 6
    1:
      id: per_tensor
      doc: One scale factor for the tensor.
      doc-ref: NNRP/1-preview3 section 6
    2:
      id: per_tile
      doc: One scale factor for each tile.
      doc-ref: NNRP/1-preview3 section 6
    3:
      id: per_channel
      doc: One scale factor for each channel.
      doc-ref: NNRP/1-preview3 section 6
  profile_id:
    0:
      id: unspecified
      doc: No profile is named.
      doc-ref: NNRP/1-preview3 section 12.1
    1:
      id: tensor
      doc: Tensor profile.
      doc-ref: NNRP/1-preview3 section 12.1
    2:
      id: token
      doc: Token profile.
      doc-ref: NNRP/1-preview3 section 12.1
  # Error codes: family in the high 16 bits, number in the low 16 bits; not range-checked.
  session_error_code:
    0x00000000:
      id: none
      doc: No error.
      doc-ref: NNRP/1-preview3 section 9.1
    0x00010001:
      id: auth_failed
      doc: The authentication failed.
      doc-ref: NNRP/1-preview3 section 9.1
    0x00010002:
      id: profile_unsupported
      doc: The profile is not supported.
      doc-ref: NNRP/1-preview3 section 9.1
    0x00010003:
      id: schema_unsupported
      doc: The schema is not supported.
      doc-ref: NNRP/1-preview3 section 9.1
    0x00010004:
      id: priority_rejected
      doc: The priority was refused.
      doc-ref: NNRP/1-preview3 section 9.1
    0x00010005:
      id: lease_policy_rejected
      doc: The lease policy was refused.
      doc-ref: NNRP/1-preview3 section 9.1
    0x00010006:
      id: resume_rejected
      doc: The session cannot be resumed.
      doc-ref: NNRP/1-preview3 section 9.1
    0x00010007:
      id: session_limit_reached
      doc: There are too many sessions.
      doc-ref: NNRP/1-preview3 section 9.1
  cache_error_code:
    0x00030000:
      id: none
      doc: No error.
      doc-ref: NNRP/1-preview3 section 9.2
    0x00030001:
      id: cache_miss
      doc: The object is not in the cache.
      doc-ref: NNRP/1-preview3 section 9.2
    0x00030002:
      id: lease_expired
      doc: The lease on the object has run out.
      doc-ref: NNRP/1-preview3 section 9.2
    0x00030003:
      id: version_mismatch
      doc: The object has another version.
      doc-ref: NNRP/1-preview3 section 9.2
    0x00030004:
      id: dependency_invalid
      doc: An object this one depends on is not valid.
      doc-ref: NNRP/1-preview3 section 9.2
    0x00030005:
      id: schema_mismatch
      doc: The object has another schema.
      doc-ref: NNRP/1-preview3 section 9.2
  schema_error_code:
    0x00040000:
      id: none
      doc: No error.
      doc-ref: NNRP/1-preview3 section 9.3
    0x00040001:
      id: schema_unknown
      doc: The schema is not known.
      doc-ref: NNRP/1-preview3 section 9.3
    0x00040002:
      id: schema_version_unknown
      doc: The version of the schema is not known.
      doc-ref: NNRP/1-preview3 section 9.3
    0x00040003:
      id: schema_hash_conflict
      doc: The same schema is known with another digest.
      doc-ref: NNRP/1-preview3 section 9.3
    0x00040004:
      id: schema_incompatible
      doc: The schema does not fit.
      doc-ref: NNRP/1-preview3 section 9.3
    0x00040005:
      id: schema_dependency_missing
      doc: A schema this one depends on is missing.
      doc-ref: NNRP/1-preview3 section 9.3
    0x00040006:
      id: schema_update_rejected
      doc: The schema was refused.
      doc-ref: NNRP/1-preview3 section 9.3
  error_code:
    0x00000001:
      id: unsupported_version
      doc: The version is not supported; fatal.
      doc-ref: NNRP/1-preview3 section 9.4
    0x00000002:
      id: auth_failed
      doc: The authentication failed; fatal.
      doc-ref: NNRP/1-preview3 section 9.4
    0x00000003:
      id: invalid_state
      doc: The message does not fit the state; refusal at session level.
      doc-ref: NNRP/1-preview3 section 9.4
    0x00000004:
      id: malformed_header
      doc: The header is malformed; fatal.
      doc-ref: NNRP/1-preview3 section 9.4
    0x00000005:
      id: malformed_body
      doc: The body is malformed.
      doc-ref: NNRP/1-preview3 section 9.4
    0x00000006:
      id: unsupported_capability
      doc: A capability is not supported; refusal at session level.
      doc-ref: NNRP/1-preview3 section 9.4
    0x00000007:
      id: limit_exceeded
      doc: A limit is exceeded; refusal at session level.
      doc-ref: NNRP/1-preview3 section 9.4
    0x00000008:
      id: frame_expired
      doc: The frame came too late; recoverable, at frame level.
      doc-ref: NNRP/1-preview3 section 9.4
    0x00000009:
      id: frame_cancelled
      doc: The frame was cancelled; recoverable, at frame level.
      doc-ref: NNRP/1-preview3 section 9.4
    0x0000000a:
      id: cache_miss
      doc: An object is not in the cache; recoverable, at frame level. Peers also send 0x00030001.
      doc-ref: NNRP/1-preview3 section 9.4
    0x0000000b:
      id: server_busy
      doc: The server is busy; retry_after_ms may say when to try again.
      doc-ref: NNRP/1-preview3 section 9.4
    0x0000000c:
      id: internal_error
      doc: Internal error; fatal to the connection unless it can be tied to one frame.
      doc-ref: NNRP/1-preview3 section 9.4
  # Flag bits from here on.
  header_flags:
    0x01:
      id: ack_required
      doc: The sender asks for an acknowledgement.
      doc-ref: NNRP/1-preview3 section 8.1
    0x02:
      id: can_drop
      doc: The message may be dropped.
      doc-ref: NNRP/1-preview3 section 8.1
    0x04:
      id: stale
      doc: The content is stale.
      doc-ref: NNRP/1-preview3 section 8.1
    0x08:
      id: eos
      doc: End of the stream.
      doc-ref: NNRP/1-preview3 section 8.1
    0x10:
      id: retransmit
      doc: The message is sent again.
      doc-ref: NNRP/1-preview3 section 8.1
    0x20:
      id: keyframe
      doc: The message carries a keyframe.
      doc-ref: NNRP/1-preview3 section 8.1
  server_flags:
    0x01:
      id: cache_enabled
      doc: The server keeps a cache.
      doc-ref: NNRP/1-preview3 section 8.2
  session_flags:
    0x01:
      id: allow_resume
      doc: The session may be resumed later.
      doc-ref: NNRP/1-preview3 section 8.3
    0x02:
      id: allow_background_results
      doc: Results may come in the background.
      doc-ref: NNRP/1-preview3 section 8.3
    0x04:
      id: allow_cache_leases
      doc: Cache objects may be leased.
      doc-ref: NNRP/1-preview3 section 8.3
    0x08:
      id: allow_schema_override
      doc: A payload may name another schema than the default.
      doc-ref: NNRP/1-preview3 section 8.3
  session_flags_ack:
    0x01:
      id: resume_enabled
      doc: The session can be resumed.
      doc-ref: NNRP/1-preview3 section 8.4
    0x02:
      id: background_results_enabled
      doc: Results may come in the background.
      doc-ref: NNRP/1-preview3 section 8.4
    0x04:
      id: cache_leases_enabled
      doc: Cache objects can be leased.
      doc-ref: NNRP/1-preview3 section 8.4
    0x08:
      id: schema_override_enabled
      doc: A payload may name another schema than the default.
      doc-ref: NNRP/1-preview3 section 8.4
    0x10:
      id: priority_downgraded
      doc: The session has a lower priority than asked for.
      doc-ref: NNRP/1-preview3 section 8.4
  result_flags:
    0x01:
      id: stale
      doc: The result is stale.
      doc-ref: NNRP/1-preview3 section 8.5
    0x02:
      id: fallback
      doc: The result comes from a fallback.
      doc-ref: NNRP/1-preview3 section 8.5
    0x04:
      id: partial
      doc: The result covers a part.
      doc-ref: NNRP/1-preview3 section 8.5
  budget_policy_flags:
    0x01:
      id: allow_partial
      doc: Partial results are allowed.
      doc-ref: NNRP/1-preview3 section 8.6
    0x02:
      id: allow_stale_reuse
      doc: Results of earlier frames may be used again.
      doc-ref: NNRP/1-preview3 section 8.6
    0x04:
      id: allow_degraded
      doc: Results of lower quality are allowed.
      doc-ref: NNRP/1-preview3 section 8.6
    0x08:
      id: allow_drop
      doc: The frame may be dropped.
      doc-ref: NNRP/1-preview3 section 8.6
  payload_kind_flags:
    0x01:
      id: tensor
      doc: Tensor data; has a standard profile.
      doc-ref: NNRP/1-preview3 section 8.7
    0x02:
      id: token_chunk
      doc: Chunk of tokens; has a standard profile.
      doc-ref: NNRP/1-preview3 section 8.7
    0x04:
      id: audio_chunk
      doc: Chunk of audio, read through its schema.
      doc-ref: NNRP/1-preview3 section 8.7
    0x08:
      id: video_chunk
      doc: Chunk of video, read through its schema.
      doc-ref: NNRP/1-preview3 section 8.7
    0x10:
      id: structured_event
      doc: Structured event, read through its schema.
      doc-ref: NNRP/1-preview3 section 8.7
    0x20:
      id: tool_delta
      doc: Change in a tool call, read through its schema.
      doc-ref: NNRP/1-preview3 section 8.7
    0x40:
      id: opaque_bytes
      doc: Bytes without a known structure, read through their schema.
      doc-ref: NNRP/1-preview3 section 8.7
  object_ref_flags:
    0x01:
      id: camera_block
      doc: Camera block, slot 0.
      doc-ref: NNRP/1-preview3 section 8.8
    0x02:
      id: tile_index_block
      doc: Tile index, slot 1.
      doc-ref: NNRP/1-preview3 section 8.8
    0x04:
      id: tensor_section_table
      doc: Table of tensor sections, slot 2.
      doc-ref: NNRP/1-preview3 section 8.8
    0x08:
      id: payload_layout_template
      doc: Template of a payload layout, slot 3.
      doc-ref: NNRP/1-preview3 section 8.8
  flow_flags:
    0x01:
      id: credit_valid
      doc: The credit fields count.
      doc-ref: NNRP/1-preview3 section 8.9
    0x02:
      id: retry_after_valid
      doc: The field retry_after_ms counts.
      doc-ref: NNRP/1-preview3 section 8.9
    0x04:
      id: background_only
      doc: Only background work is concerned.
      doc-ref: NNRP/1-preview3 section 8.9
    0x08:
      id: drain_in_flight_only
      doc: Only operations in progress go on.
      doc-ref: NNRP/1-preview3 section 8.9
  patch_flags:
    0x01:
      id: target_cadence
      doc: The cadence.
      doc-ref: NNRP/1-preview3 section 8.10
    0x02:
      id: quality_tier
      doc: The quality tier.
      doc-ref: NNRP/1-preview3 section 8.10
    0x04:
      id: degrade_policy
      doc: The degrade policy.
      doc-ref: NNRP/1-preview3 section 8.10
    0x08:
      id: active_lane_mask
      doc: The active lanes.
      doc-ref: NNRP/1-preview3 section 8.10
    0x10:
      id: preferred_codec
      doc: The preferred codecs.
      doc-ref: NNRP/1-preview3 section 8.10
    0x20:
      id: preferred_compression
      doc: The preferred compression methods.
      doc-ref: NNRP/1-preview3 section 8.10
    0x40:
      id: profile_patch
      doc: The profile patch block.
      doc-ref: NNRP/1-preview3 section 8.10
  cache_put_flags:
    0x01:
      id: pinned
      doc: The object should stay in the cache.
      doc-ref: NNRP/1-preview3 section 8.11
    0x02:
      id: reusable
      doc: The object can be used again.
      doc-ref: NNRP/1-preview3 section 8.11
  schema_flags:
    0x01:
      id: cacheable
      doc: The schema may be cached.
      doc-ref: NNRP/1-preview3 section 8.12
    0x02:
      id: critical
      doc: The schema must be understood.
      doc-ref: NNRP/1-preview3 section 8.12
    0x04:
      id: default_bindable
      doc: The schema may be the default of a session.
      doc-ref: NNRP/1-preview3 section 8.12
    0x08:
      id: hash_stable
      doc: The digest stays the same for the same schema.
      doc-ref: NNRP/1-preview3 section 8.12
  descriptor_flags:
    0x01:
      id: terminal
      doc: Last payload of its stream.
      doc-ref: NNRP/1-preview3 section 8.13
    0x02:
      id: partial
      doc: Fragment of a payload.
      doc-ref: NNRP/1-preview3 section 8.13
    0x04:
      id: schema_override
      doc: The schema differs from the default of the session.
      doc-ref: NNRP/1-preview3 section 8.13
    0x08:
      id: profile_hint_present
      doc: A profile hint is present.
      doc-ref: NNRP/1-preview3 section 8.13
  extension_flags:
    0x01:
      id: critical
      doc: A receiver that does not know the kind refuses it.
      doc-ref: NNRP/1-preview3 section 10.6
