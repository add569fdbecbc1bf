import type { WireFault } from '../../faults/fault.js';
import type { ControlRequest } from '../../generated/preview4/control-request.js';
import { MessageType, PressureLevel, RuntimeRole } from '../../generated/preview4/enums.js';
import { PartialResultFlags } from '../../generated/preview4/flags.js';
import type { PartialResult } from '../../generated/preview4/partial-result.js';
import type { Pressure } from '../../generated/preview4/pressure.js';
import type { Progress } from '../../generated/preview4/progress.js';
import type { ResultDropReason } from '../../generated/preview4/result-drop-reason.js';
import type { Scheduling } from '../../generated/preview4/scheduling.js';
import type { TraceContext } from '../../generated/preview4/trace-context.js';
import { brokenRule } from '../broken-rule.js';

/** Roles from here to 0xff are those of an application. */
const FIRST_PRIVATE_ROLE = 0x80;

/**
 * Judges the metadata of CANCEL and ABORT, when they are received and before they are sent.
 *
 * @param messageType - of the header
 * @returns CTLREQ-1 for another message; unknown_enum_value for a role that is neither assigned nor an application's
 * @see NNRP/1-preview4 section 7.9
 */
export function judgeControlRequest(messageType: number, request: ControlRequest): WireFault | undefined {
  if (messageType !== MessageType.Cancel && messageType !== MessageType.Abort) return brokenRule('CTLREQ-1');
  return judgeRole(request.sourceRole);
}

/**
 * Judges the metadata of PRIORITY_UPDATE, DEADLINE and EXPIRE_AT.
 *
 * @param messageType - of the header
 * @returns SCHED-1 for another message; SCHED-2 for a deadline that is missing
 * @see NNRP/1-preview4 section 7.10
 */
export function judgeScheduling(messageType: number, scheduling: Scheduling): WireFault | undefined {
  if (messageType === MessageType.PriorityUpdate) return undefined;
  if (messageType !== MessageType.Deadline && messageType !== MessageType.ExpireAt) return brokenRule('SCHED-1');
  return scheduling.deadlineUnixMs === 0n ? brokenRule('SCHED-2') : undefined;
}

/**
 * Judges the metadata of PROGRESS.
 * @returns PROG-2 when no operation is named
 * @see NNRP/1-preview4 section 7.13
 */
export function judgeProgress(progress: Progress): WireFault | undefined {
  return progress.operationId === 0n ? brokenRule('PROG-2') : undefined;
}

/**
 * Judges the metadata of PARTIAL_RESULT.
 * @returns PART-1 when no operation is named; PART-2 and PART-3 when an object has to hold the part and none is named
 * @see NNRP/1-preview4 section 7.14
 */
export function judgePartialResult(part: PartialResult): WireFault | undefined {
  if (part.operationId === 0n) return brokenRule('PART-1');
  if (part.objectId !== 0n) return undefined;
  if ((part.flags & PartialResultFlags.ObjectRefPresent) !== 0) return brokenRule('PART-2');
  return part.bodyBytes === 0 ? brokenRule('PART-3') : undefined;
}

/**
 * Judges the metadata of BACKPRESSURE and CREDIT_UPDATE; the second takes any level.
 *
 * @param messageType - of the header
 * @returns PRESS-1 for another message; PRESS-2 for no level, unknown_enum_value for one that is not assigned
 * @see NNRP/1-preview4 section 7.15
 */
export function judgePressure(messageType: number, pressure: Pressure): WireFault | undefined {
  if (messageType === MessageType.CreditUpdate) return undefined;
  if (messageType !== MessageType.Backpressure) return brokenRule('PRESS-1');
  const { pressureLevel: value } = pressure;
  if (value === PressureLevel.None) return brokenRule('PRESS-2');
  return value > PressureLevel.Paused ? { kind: 'unknown_enum_value', enum: 'pressure_level', value } : undefined;
}

/**
 * Judges the metadata of TRACE_CONTEXT.
 * @returns TRACE-1 when the trace or the span is missing
 * @see NNRP/1-preview4 section 7.18
 */
export function judgeTraceContext(context: TraceContext): WireFault | undefined {
  return context.traceId === 0n || context.spanId === 0n ? brokenRule('TRACE-1') : undefined;
}

/**
 * Judges the metadata of RESULT_DROP_REASON.
 * @returns DROPR-1 when no operation is named; DROPR-2 when no reason is given; unknown_enum_value for a role that is
 *   neither assigned nor an application's
 * @see NNRP/1-preview4 section 7.19
 */
export function judgeResultDropReason(drop: ResultDropReason): WireFault | undefined {
  if (drop.operationId === 0n) return brokenRule('DROPR-1');
  if (drop.dropReasonCode === 0) return brokenRule('DROPR-2');
  return judgeRole(drop.sourceRole);
}

function judgeRole(value: number): WireFault | undefined {
  const isKnown = value <= RuntimeRole.ConformanceRunner || value >= FIRST_PRIVATE_ROLE;
  return isKnown ? undefined : { kind: 'unknown_enum_value', enum: 'runtime_role', value };
}
