import type { FlowFields } from 'nnrp-core';
import { BackpressureLevel, UpdateReason } from 'nnrp-core/preview3';
import { oneOf, optionTable, TRUTH, U16, U32 } from './option-kinds.js';
import { checkOptions } from './options.js';

const FIELDS = {
  updateReason: oneOf('UpdateReason', UpdateReason),
  backpressureLevel: oneOf('BackpressureLevel', BackpressureLevel),
  credit: U16,
  retryAfterMs: U32,
  backgroundOnly: TRUTH,
  drainInFlightOnly: TRUTH,
};
const SCOPES = {
  connection: optionTable<FlowFields>(FIELDS),
  clientSession: optionTable<FlowFields & { operation: unknown }>({ ...FIELDS, operation: undefined }),
  serverSession: optionTable<FlowFields & { frameId: unknown }>({ ...FIELDS, frameId: U32 }),
};

/** @param scope - what the update may name besides its fields. @throws UsageError on a field that does not exist or fit */
export function checkFlow<Fields extends FlowFields>(fields: Fields, scope: keyof typeof SCOPES): Fields {
  return checkOptions('flow update', fields, SCOPES[scope]);
}
