import * as preview4 from 'nnrp-core/preview4';
import { MessageType, RuntimeRole } from 'nnrp-core/preview4';
import type { ControlKind } from './control-kind.js';
import {
  CACHE_MISS,
  CACHE_REFERENCE,
  OBJECT_DECLARE,
  OBJECT_DELTA_MESSAGE,
  OBJECT_PATCH,
  OBJECT_REF,
  OBJECT_RELEASE,
} from './object-kinds.js';

const CONTROL_REQUEST: preview4.ControlRequest = {
  operationId: 0n,
  controlSequence: 0n,
  reasonCode: preview4.ReasonCode.UserCancelled,
  sourceRole: RuntimeRole.Unspecified,
  flags: 0,
  diagnosticBytes: 0,
};
const SCHEDULING: preview4.Scheduling = {
  operationId: 0n,
  controlSequence: 0n,
  priorityClass: 0,
  priorityDelta: 0,
  deadlineUnixMs: 0n,
  flags: 0,
};
const PRESSURE: preview4.Pressure = {
  scopeId: 0n,
  creditWindow: 0n,
  pressureLevel: 0,
  pressureReason: 0,
  retryAfterMs: 0,
  flags: 0,
};
const CAPABILITY: preview4.Capability = {
  profileId: 0,
  capabilityCount: 0,
  costModelId: 0,
  preferenceRank: 0,
  limitBytes: 0n,
  limitUnits: 0n,
  bodyBytes: 0,
  flags: 0,
};
const ROUTE_HINT: preview4.RouteHint = {
  operationId: 0n,
  routeId: 0,
  executorClass: 0,
  affinityClass: 0,
  deadlineUnixMs: 0n,
  bodyBytes: 0,
  flags: 0,
};
const requestCodec = { bytes: preview4.CONTROL_REQUEST_BYTES, encode: preview4.encodeControlRequest };
const schedulingCodec = { bytes: preview4.SCHEDULING_BYTES, encode: preview4.encodeScheduling };
const pressureCodec = { bytes: preview4.PRESSURE_BYTES, encode: preview4.encodePressure };
const capabilityCodec = { bytes: preview4.CAPABILITY_BYTES, encode: preview4.encodeCapability };
const routeCodec = { bytes: preview4.ROUTE_HINT_BYTES, encode: preview4.encodeRouteHint };

function request<Type extends string>(type: Type, messageType: number): ControlKind<Type, preview4.ControlRequest> {
  return {
    type,
    messageType,
    codec: requestCodec,
    decode: preview4.decodeControlRequest,
    defaults: CONTROL_REQUEST,
    binding: 'operation_or_session',
    operation: 'operationId',
    length: 'diagnosticBytes',
    judge: (metadata) => preview4.judgeControlRequest(messageType, metadata),
  };
}

function scheduling<Type extends string>(type: Type, messageType: number): ControlKind<Type, preview4.Scheduling> {
  return {
    type,
    messageType,
    codec: schedulingCodec,
    decode: preview4.decodeScheduling,
    defaults: SCHEDULING,
    binding: 'operation',
    operation: 'operationId',
    judge: (metadata) => preview4.judgeScheduling(messageType, metadata),
  };
}

function pressure<Type extends string>(type: Type, messageType: number): ControlKind<Type, preview4.Pressure> {
  return {
    type,
    messageType,
    codec: pressureCodec,
    decode: preview4.decodePressure,
    defaults: PRESSURE,
    binding: 'session',
    judge: (metadata) => preview4.judgePressure(messageType, metadata),
  };
}

function capability<Type extends string>(type: Type, messageType: number): ControlKind<Type, preview4.Capability> {
  return {
    type,
    messageType,
    codec: capabilityCodec,
    decode: preview4.decodeCapability,
    defaults: CAPABILITY,
    binding: 'session',
    length: 'bodyBytes',
  };
}

function route<Type extends string>(type: Type, messageType: number): ControlKind<Type, preview4.RouteHint> {
  return {
    type,
    messageType,
    codec: routeCodec,
    decode: preview4.decodeRouteHint,
    defaults: ROUTE_HINT,
    binding: 'operation_or_session',
    operation: 'operationId',
    length: 'bodyBytes',
  };
}

export const CANCEL = /* @__PURE__ */ request('cancelRequest', MessageType.Cancel);
export const ABORT = /* @__PURE__ */ request('abortRequest', MessageType.Abort);
export const PRIORITY_UPDATE = /* @__PURE__ */ scheduling('priorityUpdate', MessageType.PriorityUpdate);
export const DEADLINE = /* @__PURE__ */ scheduling('deadline', MessageType.Deadline);
export const EXPIRE_AT = /* @__PURE__ */ scheduling('expireAt', MessageType.ExpireAt);
export const BACKPRESSURE = /* @__PURE__ */ pressure('backpressure', MessageType.Backpressure);
export const CREDIT_UPDATE = /* @__PURE__ */ pressure('creditUpdate', MessageType.CreditUpdate);
export const CAPABILITY_NEGOTIATION = /* @__PURE__ */ capability(
  'capabilityNegotiation',
  MessageType.CapabilityNegotiation,
);
export const DEGRADE_PROFILE = /* @__PURE__ */ capability('degradeProfile', MessageType.DegradeProfile);
export const ROUTE_HINT_MESSAGE = /* @__PURE__ */ route('routeHint', MessageType.RouteHint);
export const EXECUTION_HINT = /* @__PURE__ */ route('executionHint', MessageType.ExecutionHint);

export const SUPERSEDE: ControlKind<'supersede', preview4.Supersede> = {
  type: 'supersede',
  messageType: MessageType.Supersede,
  codec: { bytes: preview4.SUPERSEDE_BYTES, encode: preview4.encodeSupersede },
  decode: preview4.decodeSupersede,
  defaults: {
    oldOperationId: 0n,
    newOperationId: 0n,
    controlSequence: 0n,
    dropReasonCode: preview4.DropReasonCode.Superseded,
    flags: 0,
    diagnosticBytes: 0,
  },
  binding: 'operation_or_session',
  operation: 'oldOperationId',
  length: 'diagnosticBytes',
};
export const BUDGET_UPDATE: ControlKind<'budgetUpdate', preview4.Budget> = {
  type: 'budgetUpdate',
  messageType: MessageType.BudgetUpdate,
  codec: { bytes: preview4.BUDGET_BYTES, encode: preview4.encodeBudget },
  decode: preview4.decodeBudget,
  defaults: {
    operationId: 0n,
    computeBudgetUnits: 0n,
    memoryBudgetBytes: 0n,
    bandwidthBudgetBytes: 0n,
    tokenBudget: 0,
    flags: preview4.BudgetFlags.Replace,
  },
  binding: 'operation_or_session',
  operation: 'operationId',
};
export const PROGRESS: ControlKind<'progress', preview4.Progress> = {
  type: 'progress',
  messageType: MessageType.Progress,
  codec: { bytes: preview4.PROGRESS_BYTES, encode: preview4.encodeProgress },
  decode: preview4.decodeProgress,
  defaults: {
    operationId: 0n,
    progressSequence: 0n,
    stageCode: preview4.StageCode.Unspecified,
    percentX100: 0xffff,
    objectId: 0n,
    bodyBytes: 0,
  },
  binding: 'operation',
  operation: 'operationId',
  length: 'bodyBytes',
  judge: preview4.judgeProgress,
};
export const PARTIAL: ControlKind<'partialResult', preview4.PartialResult> = {
  type: 'partialResult',
  messageType: MessageType.PartialResult,
  codec: { bytes: preview4.PARTIAL_RESULT_BYTES, encode: preview4.encodePartialResult },
  decode: preview4.decodePartialResult,
  defaults: { operationId: 0n, resultSequence: 0n, objectId: 0n, deltaSequence: 0n, bodyBytes: 0, flags: 0 },
  binding: 'operation',
  operation: 'operationId',
  length: 'bodyBytes',
  judge: preview4.judgePartialResult,
};
export const TRACE_CONTEXT: ControlKind<'traceContext', preview4.TraceContext> = {
  type: 'traceContext',
  messageType: MessageType.TraceContext,
  codec: { bytes: preview4.TRACE_CONTEXT_BYTES, encode: preview4.encodeTraceContext },
  decode: preview4.decodeTraceContext,
  defaults: { traceId: 0n, spanId: 0n, parentSpanId: 0n, stageCode: 0, flags: 0, bodyBytes: 0 },
  binding: 'frame',
  length: 'bodyBytes',
  judge: preview4.judgeTraceContext,
};
export const DROP_REASON: ControlKind<'resultDropReason', preview4.ResultDropReason> = {
  type: 'resultDropReason',
  messageType: MessageType.ResultDropReason,
  codec: { bytes: preview4.RESULT_DROP_REASON_BYTES, encode: preview4.encodeResultDropReason },
  decode: preview4.decodeResultDropReason,
  defaults: {
    operationId: 0n,
    resultSequence: 0n,
    dropReasonCode: 0,
    sourceRole: RuntimeRole.Unspecified,
    flags: 0,
    diagnosticBytes: 0,
  },
  binding: 'operation',
  operation: 'operationId',
  length: 'diagnosticBytes',
  judge: preview4.judgeResultDropReason,
};
export const ERROR_RECOVERABLE: ControlKind<'recoverableError', preview4.ErrorRecoverable> = {
  type: 'recoverableError',
  messageType: MessageType.ErrorRecoverable,
  codec: { bytes: preview4.ERROR_RECOVERABLE_BYTES, encode: preview4.encodeErrorRecoverable },
  decode: preview4.decodeErrorRecoverable,
  defaults: {
    errorCode: 0,
    errorScope: preview4.ErrorScope.Session,
    recoveryAction: 0,
    sourceRole: RuntimeRole.Unspecified,
    flags: 0,
    retryAfterMs: 0,
    relatedSessionId: 0,
    relatedFrameId: 0,
    relatedViewId: 0,
    diagnosticBytes: 0,
  },
  binding: 'frame',
  length: 'diagnosticBytes',
};
export const RETRY_AFTER: ControlKind<'retryAfter', preview4.RetryAfter> = {
  type: 'retryAfter',
  messageType: MessageType.RetryAfter,
  codec: { bytes: preview4.RETRY_AFTER_BYTES, encode: preview4.encodeRetryAfter },
  decode: preview4.decodeRetryAfter,
  defaults: {
    scopeId: 0n,
    controlSequence: 0n,
    retryAfterMs: 0,
    jitterMs: 0,
    reasonCode: 0,
    sourceRole: RuntimeRole.Unspecified,
    flags: 0,
    diagnosticBytes: 0,
  },
  binding: 'session',
  length: 'diagnosticBytes',
};

const ALL = [
  CANCEL,
  ABORT,
  PRIORITY_UPDATE,
  DEADLINE,
  EXPIRE_AT,
  SUPERSEDE,
  BUDGET_UPDATE,
  PROGRESS,
  PARTIAL,
  BACKPRESSURE,
  CREDIT_UPDATE,
  CAPABILITY_NEGOTIATION,
  DEGRADE_PROFILE,
  ROUTE_HINT_MESSAGE,
  EXECUTION_HINT,
  TRACE_CONTEXT,
  DROP_REASON,
  OBJECT_DECLARE,
  OBJECT_REF,
  OBJECT_RELEASE,
  OBJECT_PATCH,
  OBJECT_DELTA_MESSAGE,
  CACHE_REFERENCE,
  CACHE_MISS,
  ERROR_RECOVERABLE,
  RETRY_AFTER,
] as const;

/** Any row of the table. */
export type AnyControlKind = (typeof ALL)[number];

const BY_CODE: ReadonlyMap<number, AnyControlKind> = /* @__PURE__ */ new Map(
  ALL.map((kind) => [kind.messageType, kind]),
);

/** The row of a message; undefined for one that is none of these. */
export function controlKind(messageType: number): AnyControlKind | undefined {
  return BY_CODE.get(messageType);
}
