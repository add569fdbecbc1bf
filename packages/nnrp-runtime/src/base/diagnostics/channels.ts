import { type Channel, channel } from '../../platform/platform.js';
import type { DiagnosticsMessages } from './messages.js';

function named<Name extends keyof DiagnosticsMessages>(name: Name): Channel<DiagnosticsMessages[Name]> {
  return channel(name);
}

/* Each by itself: a bundler leaves out those of the other end. */
export const CONNECTION_OPEN = /* @__PURE__ */ named('nnrp:connection:open');
export const CONNECTION_END = /* @__PURE__ */ named('nnrp:connection:end');
export const SESSION_OPEN = /* @__PURE__ */ named('nnrp:session:open');
export const SESSION_END = /* @__PURE__ */ named('nnrp:session:end');
export const SESSION_REFUSE = /* @__PURE__ */ named('nnrp:session:refuse');
export const CALL_SUBMIT = /* @__PURE__ */ named('nnrp:call:submit');
export const OPERATION_SUBMIT = /* @__PURE__ */ named('nnrp:operation:submit');
export const OPERATION_START = /* @__PURE__ */ named('nnrp:operation:start');
export const OPERATION_RESULT = /* @__PURE__ */ named('nnrp:operation:result');
export const OPERATION_END = /* @__PURE__ */ named('nnrp:operation:end');
export const OPERATION_REFUSE = /* @__PURE__ */ named('nnrp:operation:refuse');
export const PACKET_RECEIVE = /* @__PURE__ */ named('nnrp:packet:receive');
export const PACKET_SEND = /* @__PURE__ */ named('nnrp:packet:send');
export const RECOVERY_SUSPEND = /* @__PURE__ */ named('nnrp:recovery:suspend');
export const RECOVERY_RESUME = /* @__PURE__ */ named('nnrp:recovery:resume');
export const RECOVERY_LOSE = /* @__PURE__ */ named('nnrp:recovery:lose');
