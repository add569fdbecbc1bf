import {
  checkCapabilityTokens,
  decodeCapabilityTokens,
  encodeCapabilityTokens,
  judgeControlRequest,
  judgePartialResult,
  judgePressure,
  judgeProgress,
  judgeResultDropReason,
  judgeScheduling,
  judgeTraceContext,
  MessageType,
} from 'nnrp-core/preview4';
import { type AdapterCases, plain } from './adapter-case.js';
import { expectBytes, expectFault, expectNoFault, expectRefused, expectSame } from './case-failure.js';
import { encodeStruct, messageTrip, utf8 } from './message-trip.js';

const DIAGNOSTICS = utf8('stopped by the caller');

/** A trip with a text as body, whose length a field of the metadata announces. */
function withBody<M extends object>(
  type: MessageType,
  metadata: M,
  field: string,
  body: Uint8Array,
  frameId = 11,
): M & Readonly<Record<string, number | bigint>> {
  const whole = { ...metadata, [field]: body.length };
  messageTrip({ type, metadata: whole, body, frameId });
  return whole;
}

/** The structure refuses a flag that is not assigned, when it is written. */
function refusesFlag(struct: string, value: object, flag: number): void {
  expectRefused(`flag ${flag} of ${struct}`, () => encodeStruct(struct, { ...value, flags: flag }), {
    kind: 'reserved_bits_set',
  });
}

function dropReasonTrip(dropReasonCode: number): void {
  const drop = { operationId: 101n, resultSequence: 1n, dropReasonCode, sourceRole: 2, flags: 3, diagnosticBytes: 0 };
  messageTrip({ type: MessageType.ResultDropReason, metadata: drop, frameId: 11 });
  const whole = withBody(MessageType.ResultDropReason, drop, 'diagnosticBytes', DIAGNOSTICS);
  expectNoFault('the drop reason', judgeResultDropReason(whole));
  expectFault('a drop without a reason', judgeResultDropReason({ ...whole, dropReasonCode: 0 }), { rule: 'DROPR-2' });
  expectFault('a drop of operation 0', judgeResultDropReason({ ...whole, operationId: 0n }), { rule: 'DROPR-1' });
  refusesFlag('RESULT_DROP_REASON', whole, 4);
}

export const CONTROL_CASES: AdapterCases = {
  'l1.control.cancel-abort': plain(() => {
    for (const [type, flags] of [
      [MessageType.Cancel, 1],
      [MessageType.Abort, 2],
    ] as const) {
      const request = {
        operationId: 101n,
        controlSequence: 7n,
        reasonCode: 1,
        sourceRole: 1,
        flags,
        diagnosticBytes: 0,
      };
      const whole = withBody(type, request, 'diagnosticBytes', DIAGNOSTICS);
      expectNoFault('the request', judgeControlRequest(type, whole));
      expectFault('another message', judgeControlRequest(MessageType.Deadline, whole), { rule: 'CTLREQ-1' });
      expectFault('a role that does not exist', judgeControlRequest(type, { ...whole, sourceRole: 8 }), {
        kind: 'unknown_enum_value',
      });
      expectNoFault('a role of the application', judgeControlRequest(type, { ...whole, sourceRole: 0x80 }));
      refusesFlag('CONTROL_REQUEST', whole, 4);
    }
    dropReasonTrip(3);
    const trace = { traceId: 0x1234n, spanId: 0x5678n, parentSpanId: 0n, stageCode: 1, flags: 3, bodyBytes: 0 };
    const whole = withBody(MessageType.TraceContext, trace, 'bodyBytes', utf8('{"baggage":"a=b"}'), 0);
    expectNoFault('the trace', judgeTraceContext(whole));
    expectFault('a trace without a span', judgeTraceContext({ ...whole, spanId: 0n }), { rule: 'TRACE-1' });
    refusesFlag('TRACE_CONTEXT', whole, 4);
  }),

  'l1.control.priority-deadline': plain(() => {
    const scheduling = {
      operationId: 201n,
      controlSequence: 9n,
      priorityClass: 10,
      priorityDelta: -4,
      deadlineUnixMs: 0n,
      flags: 3,
    };
    messageTrip({ type: MessageType.PriorityUpdate, metadata: scheduling, frameId: 11 });
    expectNoFault('a priority without a deadline', judgeScheduling(MessageType.PriorityUpdate, scheduling));
    for (const type of [MessageType.Deadline, MessageType.ExpireAt]) {
      const dated = { ...scheduling, priorityDelta: 0, deadlineUnixMs: 4_000_000_000_000n };
      messageTrip({ type, metadata: dated, frameId: 11 });
      expectNoFault('a deadline', judgeScheduling(type, dated));
      expectFault('a deadline without a time', judgeScheduling(type, scheduling), { rule: 'SCHED-2' });
    }
    expectFault('another message', judgeScheduling(MessageType.Cancel, scheduling), { rule: 'SCHED-1' });
    for (const priorityDelta of [-32_768, 32_767])
      messageTrip({ type: MessageType.PriorityUpdate, metadata: { ...scheduling, priorityDelta }, frameId: 11 });
    refusesFlag('SCHEDULING', scheduling, 4);
    dropReasonTrip(1);
  }),

  'l1.control.progress-backpressure': plain(() => {
    const progress = {
      operationId: 301n,
      progressSequence: 1n,
      stageCode: 1,
      percentX100: 2500,
      objectId: 0n,
      bodyBytes: 0,
    };
    const whole = withBody(MessageType.Progress, progress, 'bodyBytes', utf8('stage'));
    expectNoFault('progress', judgeProgress(whole));
    messageTrip({ type: MessageType.Progress, metadata: { ...progress, percentX100: 0xffff }, frameId: 11 });
    expectFault('progress of operation 0', judgeProgress({ ...whole, operationId: 0n }), { rule: 'PROG-2' });
    expectRefused('more than all', () => encodeStruct('PROGRESS', { ...progress, percentX100: 10_001 }), {
      rule: 'PROG-1',
    });
    const part = { operationId: 301n, resultSequence: 1n, objectId: 0n, deltaSequence: 0n, bodyBytes: 0, flags: 1 };
    const partial = withBody(MessageType.PartialResult, part, 'bodyBytes', utf8('partial'));
    expectNoFault('a partial result', judgePartialResult(partial));
    expectFault('an object that is not named', judgePartialResult({ ...partial, flags: 2 }), { rule: 'PART-2' });
    expectFault('nothing', judgePartialResult(part), { rule: 'PART-3' });
    const pressure = {
      scopeId: 301n,
      creditWindow: 1n,
      pressureLevel: 2,
      pressureReason: 1,
      retryAfterMs: 40,
      flags: 3,
    };
    messageTrip({ type: MessageType.Backpressure, metadata: pressure });
    expectNoFault('pressure', judgePressure(MessageType.Backpressure, pressure));
    expectFault('no pressure', judgePressure(MessageType.Backpressure, { ...pressure, pressureLevel: 0 }), {
      rule: 'PRESS-2',
    });
    expectFault('a level beyond all', judgePressure(MessageType.Backpressure, { ...pressure, pressureLevel: 4 }), {
      kind: 'unknown_enum_value',
    });
    messageTrip({ type: MessageType.CreditUpdate, metadata: { ...pressure, pressureLevel: 0 } });
    expectNoFault('credit', judgePressure(MessageType.CreditUpdate, { ...pressure, pressureLevel: 0 }));
  }),

  'l1.control.capability-costs': plain(() => capabilityTrip(MessageType.CapabilityNegotiation)),

  'l1.control.route-execution-hint': plain(() => {
    for (const type of [MessageType.RouteHint, MessageType.ExecutionHint]) {
      const hint = {
        operationId: 401n,
        routeId: 92,
        executorClass: 3,
        affinityClass: 4,
        deadlineUnixMs: 1_800_000_000_000n,
        bodyBytes: 0,
        flags: 3,
      };
      refusesFlag('ROUTE_HINT', withBody(type, hint, 'bodyBytes', utf8('{"zone":"a"}')), 4);
      withBody(type, { ...hint, operationId: 0n }, 'bodyBytes', utf8('hint'), 0);
    }
  }),

  'l1.control.degrade-budget': plain(() => {
    capabilityTrip(MessageType.DegradeProfile);
    const budget = {
      operationId: 401n,
      computeBudgetUnits: 1n,
      memoryBudgetBytes: 2n,
      bandwidthBudgetBytes: 3n,
      tokenBudget: 4,
      flags: 3,
    };
    messageTrip({ type: MessageType.BudgetUpdate, metadata: budget, frameId: 11 });
    refusesFlag('BUDGET', budget, 4);
  }),

  'l1.control.supersede': plain(() => {
    for (const flags of [0, 1]) {
      const supersede = {
        oldOperationId: 101n,
        newOperationId: 102n,
        controlSequence: 7n,
        dropReasonCode: 2,
        flags,
        diagnosticBytes: 0,
      };
      refusesFlag('SUPERSEDE', withBody(MessageType.Supersede, supersede, 'diagnosticBytes', DIAGNOSTICS), 2);
    }
    dropReasonTrip(2);
  }),

  'l1.control.recoverable-error': plain(() => {
    const error = {
      errorCode: 0x0003_0001,
      errorScope: 2,
      recoveryAction: 1,
      sourceRole: 2,
      flags: 3,
      retryAfterMs: 40,
      relatedSessionId: 7,
      relatedFrameId: 11,
      relatedViewId: 0,
      diagnosticBytes: 0,
    };
    refusesFlag('ERROR_RECOVERABLE', withBody(MessageType.ErrorRecoverable, error, 'diagnosticBytes', DIAGNOSTICS), 4);
    expectRefused('a scope beyond all', () => encodeStruct('ERROR_RECOVERABLE', { ...error, errorScope: 99 }), {
      kind: 'unknown_enum_value',
    });
  }),
};

/** Tokens as the newest release wants them, and any other body, which older ones send. */
function capabilityTrip(type: MessageType): void {
  const tokens = ['cache.reference', 'control.cancel_abort'];
  const body = encodeCapabilityTokens(tokens);
  const capability = {
    profileId: 2,
    capabilityCount: 2,
    costModelId: 1,
    preferenceRank: 1,
    limitBytes: 4096n,
    limitUnits: 8n,
    bodyBytes: 0,
    flags: 3,
  };
  const whole = withBody(type, capability, 'bodyBytes', body, 0);
  expectSame('tokens', decodeCapabilityTokens(body, 2), tokens);
  expectBytes('tokens in another order', encodeCapabilityTokens([...tokens].reverse()), body);
  expectFault('raw bytes as tokens', checkCapabilityTokens(utf8('cap!'), 2), { kind: 'invalid_capability_body' });
  withBody(type, capability, 'bodyBytes', utf8('{"tier":"low"}'), 0);
  refusesFlag('CAPABILITY', whole, 4);
}
