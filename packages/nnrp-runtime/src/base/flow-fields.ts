import type { FlowFields } from 'nnrp-core';
import { checkOptions } from './options.js';

const FIELDS = ['updateReason', 'backpressureLevel', 'credit', 'retryAfterMs', 'backgroundOnly', 'drainInFlightOnly'];
const OF_CONNECTION: ReadonlySet<string> = new Set(FIELDS);
const OF_CLIENT_SESSION: ReadonlySet<string> = new Set([...FIELDS, 'operation']);
const OF_SERVER_SESSION: ReadonlySet<string> = new Set([...FIELDS, 'frameId']);

const SCOPES = { connection: OF_CONNECTION, clientSession: OF_CLIENT_SESSION, serverSession: OF_SERVER_SESSION };

/** @param scope - what the update may name besides its fields. @throws UsageError on a field that does not exist */
export function checkFlow<Fields extends FlowFields>(fields: Fields, scope: keyof typeof SCOPES): Fields {
  return checkOptions('flow update', fields, SCOPES[scope]);
}
