meta:
  id: nnrp_enums
  title: NNRP/1-preview4 enumerations and flags
  license: Apache-2.0
  ks-version: '0.11'
  endian: le
  -nnrp:
    removes: [payload_family_bit]
    flag-sets:
      - control_request_flags
      - scheduling_flags
      - supersede_flags
      - budget_flags
      - partial_result_flags
      - pressure_flags
      - capability_flags
      - route_hint_flags
      - trace_context_flags
      - result_drop_reason_flags
      - error_recoverable_flags
      - retry_after_flags
      - object_reference_flags
      - object_release_flags
      - object_delta_flags
      - cache_reference_flags
      - section_flags
doc: >-
  What NNRP/1-preview4 adds to the enumerations and flag bits of preview3, and changes of them: a layer over
  preview3/nnrp_enums.ksy. An enumeration that stands in both has the values of both, and those of this file count.
doc-ref: NNRP/1-preview4 section 6
enums:
  message_type:
    0x03:
      id: session_patch
      doc: Client changes the settings of a session.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: client_to_server
        metadata: session_patch
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [profile_patch_bytes]
    0x04:
      id: session_patch_ack
      doc: Server answers a patch.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: server_to_client
        metadata: session_patch_ack
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [profile_patch_ack_bytes]
    0x14:
      id: cache_put
      doc: Either side stores an object in the cache.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: cache_put
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [object_bytes]
    0x20:
      id: ping
      doc: >-
        Either side checks that the other is alive; header only. Sent in a session: on session 0 it ends the
        connection of some peers.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        session-id: any
        frame-id: zero
        body: none
        header-only: CTRL-1
    0x21:
      id: pong
      doc: Answer to a ping; header only.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        session-id: any
        frame-id: zero
        body: none
        header-only: CTRL-1
    0x30:
      id: cancel
      doc: Either side asks for the end of an operation.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: control_request
        session-id: required
        frame-id: any
        body: any
        body-lengths: [diagnostic_bytes]
    0x31:
      id: abort
      doc: Either side asks for the end of an operation at once.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: control_request
        session-id: required
        frame-id: any
        body: any
        body-lengths: [diagnostic_bytes]
    0x32:
      id: priority_update
      doc: Either side changes the priority of an operation.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: scheduling
        session-id: required
        frame-id: required
        body: none
    0x33:
      id: deadline
      doc: Either side says when an operation is to be done.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: scheduling
        session-id: required
        frame-id: required
        body: none
    0x34:
      id: expire_at
      doc: Either side says when the result of an operation is of no use any more.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: scheduling
        session-id: required
        frame-id: required
        body: none
    0x35:
      id: supersede
      doc: Either side replaces an operation by another.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: supersede
        session-id: required
        frame-id: any
        body: any
        body-lengths: [diagnostic_bytes]
    0x36:
      id: budget_update
      doc: Either side changes what an operation may use.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: budget
        session-id: required
        frame-id: any
        body: none
    0x37:
      id: progress
      doc: Either side says how far an operation has come.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: progress
        session-id: required
        frame-id: required
        body: any
        body-lengths: [body_bytes]
    0x38:
      id: partial_result
      doc: Either side delivers a part of a result.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: partial_result
        session-id: required
        frame-id: required
        body: any
        body-lengths: [body_bytes]
    0x39:
      id: backpressure
      doc: Either side asks for less.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: pressure
        session-id: required
        frame-id: zero
        body: none
    0x3a:
      id: credit_update
      doc: Either side says how many operations it takes.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: pressure
        session-id: required
        frame-id: zero
        body: none
    0x3b:
      id: capability_negotiation
      doc: Either side names its capabilities.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: capability
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [body_bytes]
    0x3c:
      id: degrade_profile
      doc: Either side names what it falls back to.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: capability
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [body_bytes]
    0x3d:
      id: route_hint
      doc: Either side says where to send work.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: route_hint
        session-id: required
        frame-id: any
        body: any
        body-lengths: [body_bytes]
    0x3e:
      id: execution_hint
      doc: Either side says where to do work.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: route_hint
        session-id: required
        frame-id: any
        body: any
        body-lengths: [body_bytes]
    0x3f:
      id: trace_context
      doc: Either side passes on a trace.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: trace_context
        session-id: required
        frame-id: any
        body: any
        body-lengths: [body_bytes]
    0x40:
      id: result_drop_reason
      doc: Either side ends an operation without a result, and says why.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: result_drop_reason
        session-id: required
        frame-id: required
        body: any
        body-lengths: [diagnostic_bytes]
    0x41:
      id: object_declare
      doc: Either side declares an object.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: object_descriptor
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [metadata_bytes]
    0x42:
      id: object_ref
      doc: Either side refers to an object.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: object_reference
        session-id: required
        frame-id: any
        body: any
        body-lengths: [metadata_bytes]
    0x43:
      id: object_release
      doc: Either side gives up an object.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: object_release
        session-id: required
        frame-id: any
        body: any
        body-lengths: [diagnostic_bytes]
    0x44:
      id: object_patch
      doc: Either side replaces a region of an object.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: object_delta
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [metadata_bytes, delta_bytes]
    0x45:
      id: object_delta
      doc: Either side sends a delta of an object.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: object_delta
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [metadata_bytes, delta_bytes]
    0x46:
      id: cache_reference
      doc: Either side refers to a cached object.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: cache_reference
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [metadata_bytes]
    0x47:
      id: cache_miss
      doc: Either side says that a cached object is not there.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: cache_miss
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [diagnostic_bytes]
    0x48:
      id: error_recoverable
      doc: Either side reports an error after which work goes on.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: error_recoverable
        session-id: required
        frame-id: any
        body: any
        body-lengths: [diagnostic_bytes]
    0x49:
      id: retry_after
      doc: Either side asks for a pause.
      doc-ref: NNRP/1-preview4 section 4
      -nnrp:
        direction: both
        metadata: retry_after
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [diagnostic_bytes]
  backpressure_level:
    3:
      id: paused
      doc: Backpressure that has stopped everything.
      doc-ref: NNRP/1-preview4 section 6.1
  transport_id:
    3:
      id: ipc
      doc: A local socket or a named pipe.
      doc-ref: NNRP/1-preview4 section 6.1
    4:
      id: websocket
      doc: WebSocket.
      doc-ref: NNRP/1-preview4 section 6.1
  payload_kind:
    0x01:
      id: tensor
      doc: Tensor data; has no descriptor.
      doc-ref: NNRP/1-preview4 section 6.1
    0x02:
      id: token_chunk
      doc: Chunk of tokens.
      doc-ref: NNRP/1-preview4 section 6.1
    0x04:
      id: audio_chunk
      doc: Chunk of audio.
      doc-ref: NNRP/1-preview4 section 6.1
    0x08:
      id: video_chunk
      doc: Chunk of video.
      doc-ref: NNRP/1-preview4 section 6.1
    0x10:
      id: structured_event
      doc: Structured event.
      doc-ref: NNRP/1-preview4 section 6.1
    0x20:
      id: tool_delta
      doc: Change in a tool call.
      doc-ref: NNRP/1-preview4 section 6.1
    0x40:
      id: opaque_bytes
      doc: Bytes without a known structure.
      doc-ref: NNRP/1-preview4 section 6.1
  runtime_object_kind:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.1
    1:
      id: tensor
      doc: Tensor.
      doc-ref: NNRP/1-preview4 section 6.1
    2:
      id: token_block
      doc: Block of tokens.
      doc-ref: NNRP/1-preview4 section 6.1
    3:
      id: image_tile
      doc: Tile of an image.
      doc-ref: NNRP/1-preview4 section 6.1
    4:
      id: feature_map
      doc: Feature map.
      doc-ref: NNRP/1-preview4 section 6.1
    5:
      id: tool_result
      doc: Result of a tool.
      doc-ref: NNRP/1-preview4 section 6.1
    6:
      id: trace_segment
      doc: Segment of a trace.
      doc-ref: NNRP/1-preview4 section 6.1
    7:
      id: opaque_bytes
      doc: Bytes without a known structure.
      doc-ref: NNRP/1-preview4 section 6.1
    8:
      id: document_chunk
      doc: Chunk of a document.
      doc-ref: NNRP/1-preview4 section 6.1
    9:
      id: audio_chunk
      doc: Chunk of audio.
      doc-ref: NNRP/1-preview4 section 6.1
    10:
      id: video_chunk
      doc: Chunk of video.
      doc-ref: NNRP/1-preview4 section 6.1
    11:
      id: route_plan
      doc: Plan of a route.
      doc-ref: NNRP/1-preview4 section 6.1
    12:
      id: cache_manifest
      doc: Manifest of a cache.
      doc-ref: NNRP/1-preview4 section 6.1
  # In OBJECT_DECLARE and OBJECT_RELEASE nothing else; other messages also take 0x80 to 0xff.
  runtime_role:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.1
    1:
      id: client
      doc: The client.
      doc-ref: NNRP/1-preview4 section 6.1
    2:
      id: server
      doc: The server.
      doc-ref: NNRP/1-preview4 section 6.1
    3:
      id: runtime
      doc: A runtime.
      doc-ref: NNRP/1-preview4 section 6.1
    4:
      id: subagent
      doc: A subagent.
      doc-ref: NNRP/1-preview4 section 6.1
    5:
      id: tool
      doc: A tool.
      doc-ref: NNRP/1-preview4 section 6.1
    6:
      id: scheduler
      doc: A scheduler.
      doc-ref: NNRP/1-preview4 section 6.1
    7:
      id: conformance_runner
      doc: A program that checks conformance.
      doc-ref: NNRP/1-preview4 section 6.1
  memory_location_hint:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.1
    1:
      id: host_memory
      doc: Memory of the host.
      doc-ref: NNRP/1-preview4 section 6.1
    2:
      id: device_memory
      doc: Memory of a device.
      doc-ref: NNRP/1-preview4 section 6.1
    3:
      id: shared_memory
      doc: Shared memory.
      doc-ref: NNRP/1-preview4 section 6.1
    4:
      id: remote_memory
      doc: Memory of another machine.
      doc-ref: NNRP/1-preview4 section 6.1
    5:
      id: mmap_file
      doc: A file that is mapped into memory.
      doc-ref: NNRP/1-preview4 section 6.1
    6:
      id: object_store
      doc: An object store.
      doc-ref: NNRP/1-preview4 section 6.1
  ownership_hint:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.1
    1:
      id: producer_owned
      doc: The producer owns the object.
      doc-ref: NNRP/1-preview4 section 6.1
    2:
      id: consumer_owned
      doc: The consumer owns the object.
      doc-ref: NNRP/1-preview4 section 6.1
    3:
      id: session_owned
      doc: The session owns the object.
      doc-ref: NNRP/1-preview4 section 6.1
    4:
      id: borrowed
      doc: The object is borrowed.
      doc-ref: NNRP/1-preview4 section 6.1
    5:
      id: transfer_on_ref
      doc: The object changes hands with a reference.
      doc-ref: NNRP/1-preview4 section 6.1
    6:
      id: release_on_drop
      doc: The object goes when it is dropped.
      doc-ref: NNRP/1-preview4 section 6.1
  object_release_reason:
    0:
      id: completed
      doc: The work is complete.
      doc-ref: NNRP/1-preview4 section 6.1
    1:
      id: cancelled
      doc: The work was cancelled.
      doc-ref: NNRP/1-preview4 section 6.1
    2:
      id: expired
      doc: The object has expired.
      doc-ref: NNRP/1-preview4 section 6.1
    3:
      id: replaced
      doc: Another object took its place.
      doc-ref: NNRP/1-preview4 section 6.1
    4:
      id: invalidated
      doc: The object is not valid any more.
      doc-ref: NNRP/1-preview4 section 6.1
    5:
      id: owner_closed
      doc: Its owner is closed.
      doc-ref: NNRP/1-preview4 section 6.1
    6:
      id: lease_expired
      doc: The lease on it has run out.
      doc-ref: NNRP/1-preview4 section 6.1
    7:
      id: conformance_injection
      doc: A check of conformance.
      doc-ref: NNRP/1-preview4 section 6.1
  cache_reuse_scope:
    0:
      id: operation
      doc: One operation.
      doc-ref: NNRP/1-preview4 section 6.1
    1:
      id: session
      doc: One session.
      doc-ref: NNRP/1-preview4 section 6.1
    2:
      id: connection
      doc: One connection.
      doc-ref: NNRP/1-preview4 section 6.1
    3:
      id: global
      doc: Everywhere.
      doc-ref: NNRP/1-preview4 section 6.1
    4:
      id: tenant
      doc: One tenant.
      doc-ref: NNRP/1-preview4 section 6.1
    5:
      id: profile
      doc: One profile.
      doc-ref: NNRP/1-preview4 section 6.1
  cache_miss_reason:
    0:
      id: unknown
      doc: Not known.
      doc-ref: NNRP/1-preview4 section 6.1
    1:
      id: not_found
      doc: The object was not found.
      doc-ref: NNRP/1-preview4 section 6.1
    2:
      id: expired
      doc: The object has expired.
      doc-ref: NNRP/1-preview4 section 6.1
    3:
      id: invalidated
      doc: The object was invalidated.
      doc-ref: NNRP/1-preview4 section 6.1
    4:
      id: schema_mismatch
      doc: The object has another schema.
      doc-ref: NNRP/1-preview4 section 6.1
    5:
      id: producer_unavailable
      doc: Its producer cannot be reached.
      doc-ref: NNRP/1-preview4 section 6.1
    6:
      id: lease_required
      doc: It takes a lease.
      doc-ref: NNRP/1-preview4 section 6.1
    7:
      id: permission_denied
      doc: It is not permitted.
      doc-ref: NNRP/1-preview4 section 6.1
  # Not carried by any structure.
  result_terminal_state:
    0:
      id: success
      doc: The operation has its result.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: cancelled
      doc: The operation was cancelled.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: dropped
      doc: The operation was dropped.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: error
      doc: The operation failed.
      doc-ref: NNRP/1-preview4 section 6.2
  # Registries, none of which a codec checks, from here to affinity_class.
  reason_code:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: user_cancelled
      doc: The user cancelled.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: superseded
      doc: Another operation took its place.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: deadline_expired
      doc: The deadline has passed.
      doc-ref: NNRP/1-preview4 section 6.2
    4:
      id: budget_exceeded
      doc: The budget is exceeded.
      doc-ref: NNRP/1-preview4 section 6.2
    5:
      id: dependency_failed
      doc: Something that it depends on has failed.
      doc-ref: NNRP/1-preview4 section 6.2
    6:
      id: transport_closing
      doc: The transport is closing.
      doc-ref: NNRP/1-preview4 section 6.2
    7:
      id: shutdown
      doc: A shutdown.
      doc-ref: NNRP/1-preview4 section 6.2
    8:
      id: conformance_injection
      doc: A check of conformance.
      doc-ref: NNRP/1-preview4 section 6.2
  drop_reason_code:
    0:
      id: none
      doc: No reason; refused when the message is judged.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: deadline_expired
      doc: The deadline has passed.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: superseded
      doc: Another operation took its place.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: peer_cancelled
      doc: The peer cancelled.
      doc-ref: NNRP/1-preview4 section 6.2
    4:
      id: backpressure
      doc: Backpressure.
      doc-ref: NNRP/1-preview4 section 6.2
    5:
      id: capability_mismatch
      doc: A capability does not fit.
      doc-ref: NNRP/1-preview4 section 6.2
    6:
      id: budget_exceeded
      doc: The budget is exceeded.
      doc-ref: NNRP/1-preview4 section 6.2
    7:
      id: object_invalidated
      doc: An object is not valid any more.
      doc-ref: NNRP/1-preview4 section 6.2
    8:
      id: transport_closed
      doc: The transport is closed.
      doc-ref: NNRP/1-preview4 section 6.2
    9:
      id: conformance_injection
      doc: A check of conformance.
      doc-ref: NNRP/1-preview4 section 6.2
  stage_code:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: queued
      doc: In the queue.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: admitted
      doc: Admitted.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: input_received
      doc: The input is there.
      doc-ref: NNRP/1-preview4 section 6.2
    4:
      id: preprocessing
      doc: Preprocessing.
      doc-ref: NNRP/1-preview4 section 6.2
    5:
      id: executing
      doc: Executing.
      doc-ref: NNRP/1-preview4 section 6.2
    6:
      id: waiting_dependency
      doc: Waiting for something that it depends on.
      doc-ref: NNRP/1-preview4 section 6.2
    7:
      id: producing_partial
      doc: Producing a part.
      doc-ref: NNRP/1-preview4 section 6.2
    8:
      id: finalizing
      doc: Finalizing.
      doc-ref: NNRP/1-preview4 section 6.2
    9:
      id: completed
      doc: Complete.
      doc-ref: NNRP/1-preview4 section 6.2
    10:
      id: dropped
      doc: Dropped.
      doc-ref: NNRP/1-preview4 section 6.2
    11:
      id: failed
      doc: Failed.
      doc-ref: NNRP/1-preview4 section 6.2
  pressure_level:
    0:
      id: none
      doc: No pressure.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: soft
      doc: Pressure that asks for less.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: hard
      doc: Pressure that asks for a stop.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: paused
      doc: Everything is stopped.
      doc-ref: NNRP/1-preview4 section 6.2
  pressure_reason:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: receiver_queue_full
      doc: The queue of the receiver is full.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: sender_queue_full
      doc: The queue of the sender is full.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: memory_pressure
      doc: Memory.
      doc-ref: NNRP/1-preview4 section 6.2
    4:
      id: bandwidth_pressure
      doc: Bandwidth.
      doc-ref: NNRP/1-preview4 section 6.2
    5:
      id: compute_pressure
      doc: Compute.
      doc-ref: NNRP/1-preview4 section 6.2
    6:
      id: deadline_pressure
      doc: Deadlines.
      doc-ref: NNRP/1-preview4 section 6.2
    7:
      id: fairness_policy
      doc: Fairness.
      doc-ref: NNRP/1-preview4 section 6.2
    8:
      id: conformance_injection
      doc: A check of conformance.
      doc-ref: NNRP/1-preview4 section 6.2
  cost_model_id:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: bytes_only
      doc: Bytes.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: compute_units
      doc: Units of compute.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: token_units
      doc: Tokens.
      doc-ref: NNRP/1-preview4 section 6.2
    4:
      id: memory_bytes
      doc: Bytes of memory.
      doc-ref: NNRP/1-preview4 section 6.2
    5:
      id: bandwidth_bytes
      doc: Bytes of bandwidth.
      doc-ref: NNRP/1-preview4 section 6.2
    6:
      id: weighted_units
      doc: Weighted units.
      doc-ref: NNRP/1-preview4 section 6.2
  executor_class:
    0:
      id: unspecified
      doc: Not said.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: local_runtime
      doc: The runtime itself.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: remote_runtime
      doc: A runtime elsewhere.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: gpu_worker
      doc: A worker with a GPU.
      doc-ref: NNRP/1-preview4 section 6.2
    4:
      id: cpu_worker
      doc: A worker with a CPU.
      doc-ref: NNRP/1-preview4 section 6.2
    5:
      id: subagent
      doc: A subagent.
      doc-ref: NNRP/1-preview4 section 6.2
    6:
      id: tool_host
      doc: A host of tools.
      doc-ref: NNRP/1-preview4 section 6.2
    7:
      id: model_server
      doc: A server of models.
      doc-ref: NNRP/1-preview4 section 6.2
    8:
      id: render_worker
      doc: A worker that renders.
      doc-ref: NNRP/1-preview4 section 6.2
  affinity_class:
    0:
      id: none
      doc: None.
      doc-ref: NNRP/1-preview4 section 6.2
    1:
      id: same_process
      doc: The same process.
      doc-ref: NNRP/1-preview4 section 6.2
    2:
      id: same_host
      doc: The same host.
      doc-ref: NNRP/1-preview4 section 6.2
    3:
      id: same_gpu
      doc: The same GPU.
      doc-ref: NNRP/1-preview4 section 6.2
    4:
      id: same_numa
      doc: The same NUMA node.
      doc-ref: NNRP/1-preview4 section 6.2
    5:
      id: same_region
      doc: The same region.
      doc-ref: NNRP/1-preview4 section 6.2
    6:
      id: storage_local
      doc: Where the storage is.
      doc-ref: NNRP/1-preview4 section 6.2
  # Flag bits from here on.
  control_request_flags:
    0x01:
      id: cooperative_allowed
      doc: The operation may end when it suits it.
      doc-ref: NNRP/1-preview4 section 8.15
    0x02:
      id: hard_abort_allowed
      doc: The operation may be ended at once.
      doc-ref: NNRP/1-preview4 section 8.15
  scheduling_flags:
    0x01:
      id: discard_stale
      doc: A result that comes too late is dropped.
      doc-ref: NNRP/1-preview4 section 8.16
    0x02:
      id: emit_drop_reason
      doc: A drop is told with its reason.
      doc-ref: NNRP/1-preview4 section 8.16
  supersede_flags:
    0x01:
      id: abort_old
      doc: The old operation ends at once.
      doc-ref: NNRP/1-preview4 section 8.17
  budget_flags:
    0x01:
      id: replace
      doc: The values replace those before.
      doc-ref: NNRP/1-preview4 section 8.18
    0x02:
      id: increment
      doc: The values are added to those before.
      doc-ref: NNRP/1-preview4 section 8.18
  partial_result_flags:
    0x01:
      id: final_partial
      doc: No further part comes.
      doc-ref: NNRP/1-preview4 section 8.19
    0x02:
      id: object_ref_present
      doc: An object holds the part.
      doc-ref: NNRP/1-preview4 section 8.19
  pressure_flags:
    0x01:
      id: applies_to_connection
      doc: The whole connection is meant.
      doc-ref: NNRP/1-preview4 section 8.20
    0x02:
      id: applies_to_operation
      doc: One operation is meant.
      doc-ref: NNRP/1-preview4 section 8.20
  capability_flags:
    0x01:
      id: hard_requirement
      doc: The capabilities are required.
      doc-ref: NNRP/1-preview4 section 8.21
    0x02:
      id: downgrade_allowed
      doc: Less than that is taken.
      doc-ref: NNRP/1-preview4 section 8.21
  route_hint_flags:
    0x01:
      id: must_honor
      doc: The hint must be followed.
      doc-ref: NNRP/1-preview4 section 8.22
    0x02:
      id: best_effort
      doc: The hint is followed where possible.
      doc-ref: NNRP/1-preview4 section 8.22
  trace_context_flags:
    0x01:
      id: sampled
      doc: The trace is sampled.
      doc-ref: NNRP/1-preview4 section 8.23
    0x02:
      id: error
      doc: The span has failed.
      doc-ref: NNRP/1-preview4 section 8.23
  result_drop_reason_flags:
    0x01:
      id: final
      doc: The operation is at its end.
      doc-ref: NNRP/1-preview4 section 8.24
    0x02:
      id: retryable
      doc: The operation may be tried again.
      doc-ref: NNRP/1-preview4 section 8.24
  error_recoverable_flags:
    0x01:
      id: retryable_now
      doc: It may be tried again at once.
      doc-ref: NNRP/1-preview4 section 8.25
    0x02:
      id: retry_after_required
      doc: It may be tried again after retry_after_ms.
      doc-ref: NNRP/1-preview4 section 8.25
  retry_after_flags:
    0x01:
      id: applies_to_connection
      doc: The whole connection is meant.
      doc-ref: NNRP/1-preview4 section 8.26
    0x02:
      id: applies_to_operation
      doc: One operation is meant.
      doc-ref: NNRP/1-preview4 section 8.26
  object_reference_flags:
    0x01:
      id: borrowed
      doc: The object is borrowed.
      doc-ref: NNRP/1-preview4 section 8.27
    0x02:
      id: mutable
      doc: The object may be changed.
      doc-ref: NNRP/1-preview4 section 8.27
    0x04:
      id: region_present
      doc: Offset and length count.
      doc-ref: NNRP/1-preview4 section 8.27
  object_release_flags:
    0x01:
      id: final_release
      doc: Nothing refers to the object any more.
      doc-ref: NNRP/1-preview4 section 8.28
    0x02:
      id: invalidates_dependents
      doc: What depends on the object is not valid any more.
      doc-ref: NNRP/1-preview4 section 8.28
  object_delta_flags:
    0x01:
      id: replaces_region
      doc: The delta replaces the region.
      doc-ref: NNRP/1-preview4 section 8.29
    0x02:
      id: compressed
      doc: The delta is compressed.
      doc-ref: NNRP/1-preview4 section 8.29
    0x04:
      id: final_delta
      doc: No further delta comes.
      doc-ref: NNRP/1-preview4 section 8.29
  cache_reference_flags:
    0x01:
      id: lease_required
      doc: The object takes a lease.
      doc-ref: NNRP/1-preview4 section 8.30
    0x02:
      id: body_fallback_present
      doc: The body holds the object, in case it is not there.
      doc-ref: NNRP/1-preview4 section 8.30
  section_flags:
    0x01:
      id: mixed_codec
      doc: A codec for each tile.
      doc-ref: NNRP/1-preview4 section 8.31
    0x02:
      id: fixed_stride
      doc: A fixed distance from tile to tile.
      doc-ref: NNRP/1-preview4 section 8.31
