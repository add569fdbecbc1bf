import type { BaselineEntry, BaselineLevel, BaselineStatus } from './baseline-case.js';

type Row = readonly [id: string, level: BaselineLevel, status: BaselineStatus, ...tokens: string[]];

const ROWS: readonly Row[] = [
  ['l0.header.roundtrip.basic', 'L0', 'M'],
  ['l0.header.invalid_length.reject', 'L0', 'M'],
  ['l1.handshake.basic', 'L1', 'M', 'handshake.basic'],
  ['l1.session.open_close', 'L1', 'M', 'session.open_close'],
  ['l1.frame_submit.tensor.inline', 'L1', 'M', 'frame_submit.tensor.inline', 'result_push.basic'],
  ['l3.transport.quic.minimum', 'L3', 'O', 'transport.quic'],
  ['l3.transport.tcp.minimum', 'L3', 'O', 'transport.tcp'],
  ['l1.flow_update.preview3', 'L1', 'X', 'flow_update'],
  ['l0.session_open.metadata.golden', 'L0', 'M', 'session.open_close'],
  ['l0.session_open_ack.metadata.golden', 'L0', 'M', 'session.open_close'],
  ['l0.session_close.metadata.golden', 'L0', 'M', 'session.open_close'],
  ['l0.session_close_ack.metadata.golden', 'L0', 'M', 'session.open_close'],
  ['l0.flow_update.packet.golden', 'L0', 'X', 'flow_update'],
  ['l0.flow_update.connection.packet.golden', 'L0', 'X', 'flow_update'],
  ['l0.flow_update.operation.packet.golden', 'L0', 'X', 'flow_update'],
  ['l0.session_resume.metadata.golden', 'L0', 'O', 'session.resume', 'session.open_close'],
  ['l0.session_resume_ack.resumed.golden', 'L0', 'O', 'session.resume', 'session.open_close'],
  ['l0.session_resume_ack.rejected.golden', 'L0', 'O', 'session.resume', 'session.open_close'],
  ['l0.schema.descriptor.header.golden', 'L0', 'O', 'schema.registry'],
  ['l0.cache.error_code.family.golden', 'L0', 'O', 'cache.lifecycle'],
  ['l0.schema.error_code.family.golden', 'L0', 'O', 'schema.registry'],
  ['l0.typed_payload.descriptor.golden', 'L0', 'O', 'payload.typed'],
  ['l0.header.length_mismatch.reject', 'L0', 'M'],
  ['l0.session_open.reserved_fields.reject', 'L0', 'M', 'session.open_close'],
  ['l0.session_open_ack.reserved_fields.reject', 'L0', 'M', 'session.open_close'],
  ['l0.flow_update.reserved_flags.reject', 'L0', 'X', 'flow_update'],
  ['l1.handshake.capability_window.validation', 'L1', 'M', 'handshake.basic'],
  ['l1.session.open.fixed_metadata.validation', 'L1', 'M', 'session.open_close'],
  ['l1.session.open_ack.fixed_metadata.validation', 'L1', 'M', 'session.open_close'],
  ['l1.session.close.state_machine.validation', 'L1', 'M', 'session.open_close'],
  ['l1.flow_update.connection.scope.validation', 'L1', 'X', 'flow_update'],
  ['l1.flow_update.session.scope.validation', 'L1', 'X', 'flow_update'],
  ['l1.flow_update.operation.scope.validation', 'L1', 'X', 'flow_update'],
  ['l1.flow_update.credit_epoch.monotonicity.validation', 'L1', 'X', 'flow_update'],
  ['l1.session.resume.from_operation.validation', 'L1', 'O', 'session.resume', 'session.open_close'],
  ['l1.session.resume.rejected.validation', 'L1', 'O', 'session.resume', 'session.open_close'],
  [
    'l1.connection.session_container.parallel_open.validation',
    'L1',
    'O',
    'session.multi_session',
    'session.open_close',
  ],
  ['l1.session.close.sibling_survival.validation', 'L1', 'O', 'session.multi_session', 'session.open_close'],
  ['l1.connection.close.session_cascade.validation', 'L1', 'O', 'session.multi_session', 'session.open_close'],
  ['l1.frame_submit.tensor.inline.routing.validation', 'L1', 'M', 'frame_submit.tensor.inline', 'result_push.basic'],
  ['l1.result_push.basic.terminal.validation', 'L1', 'M', 'frame_submit.tensor.inline', 'result_push.basic'],
  ['l1.operation.lifecycle.progression.validation', 'L1', 'O', 'operation.lifecycle'],
  ['l1.operation.lifecycle.waiting_tool.validation', 'L1', 'O', 'operation.lifecycle'],
  ['l1.operation.lifecycle.terminal_resolution.validation', 'L1', 'O', 'operation.lifecycle'],
  ['l1.operation.cancel_scope.validation', 'L1', 'O', 'operation.cancel_scope'],
  ['l1.typed_payload.descriptor.validation', 'L1', 'O', 'payload.typed'],
  ['l1.token_profile.partial.validation', 'L1', 'O', 'profile.token', 'payload.typed'],
  ['l1.cache.lease_owner_scope.validation', 'L1', 'O', 'cache.lifecycle'],
  ['l1.cache.object_version.monotonicity.validation', 'L1', 'O', 'cache.lifecycle'],
  ['l1.cache.dependency_invalidation.validation', 'L1', 'O', 'cache.lifecycle'],
  ['l1.cache.error_code.cache_miss.validation', 'L1', 'O', 'cache.lifecycle'],
  ['l1.cache.error_code.lease_expired.validation', 'L1', 'O', 'cache.lifecycle'],
  ['l1.cache.error_code.version_mismatch.validation', 'L1', 'O', 'cache.lifecycle'],
  ['l1.cache.error_code.dependency_invalid.validation', 'L1', 'O', 'cache.lifecycle'],
  ['l1.cache.error_code.schema_mismatch.validation', 'L1', 'O', 'cache.lifecycle'],
  ['l1.schema.descriptor.layout.validation', 'L1', 'O', 'schema.registry'],
  ['l1.schema.descriptor.flags.validation', 'L1', 'O', 'schema.registry'],
  ['l1.schema.descriptor.default_stream.validation', 'L1', 'O', 'schema.registry'],
  ['l1.schema.registry.install_update.validation', 'L1', 'O', 'schema.registry'],
  ['l1.schema.registry.invalidate_conflict.validation', 'L1', 'O', 'schema.registry'],
  ['l2.payload.typed.buffer_ownership.relative_region.validation', 'L2', 'O', 'payload.typed'],
  ['l2.payload.typed.callback_polling.descriptor_consistency.validation', 'L2', 'O', 'payload.typed'],
  ['l2.profile.token.partial.callback_polling.validation', 'L2', 'O', 'profile.token', 'payload.typed'],
  [
    'l2.result_push.basic.event_pump.single_terminal.validation',
    'L2',
    'O',
    'frame_submit.tensor.inline',
    'result_push.basic',
  ],
  ['l2.schema.registry.error_mapping.critical_unknown.validation', 'L2', 'O', 'schema.registry'],
  ['l2.schema.registry.conflict_error_mapping.validation', 'L2', 'O', 'schema.registry'],
];

/** The 66 cases of the public preview3 baseline, in the order of the public suite. */
export const BASELINE_ENTRIES: readonly BaselineEntry[] = ROWS.map(([id, level, status, ...tokens]) => ({
  id,
  level,
  status,
  tokens,
}));

/** The tokens that cases of the baseline ask for and this revision does not claim. */
export const UNCLAIMED_TOKENS: readonly string[] = [];

/** The capability tokens that this revision claims. */
export const CLAIMED_TOKENS: readonly string[] = [...new Set(BASELINE_ENTRIES.flatMap(({ tokens }) => tokens))]
  .filter((token) => !UNCLAIMED_TOKENS.includes(token))
  .sort();
