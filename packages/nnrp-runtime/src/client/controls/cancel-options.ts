import { ignoreRejectionsWithin, isNnrpError, type NnrpError } from 'nnrp-core';
import { optionTable, TRUTH, U16 } from '../../base/option-kinds.js';
import { checkOptions } from '../../base/options.js';
import { ABORT_TYPE, CANCEL_TYPE, CLIENT_ROLE } from '../../connection/codes/preview4-codes.js';
import { preview4Words } from '../../connection/controls/loaded-preview4.js';
import type { Lane } from '../../connection/sending/outbox.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';
import type { OperationWords } from './operation-words.js';

/** How an operation is given up; what is left out has its default. */
export interface CancelOptions {
  /** Becomes the cause of the error. */
  readonly reason?: unknown;
  /** Asks the server to stop at once, by ABORT, rather than when it suits the work; preview4 alone; default false. */
  readonly abort?: boolean | undefined;
  /** What the server is told, see ReasonCode; preview4 alone; default user_cancelled. */
  readonly reasonCode?: number | undefined;
}

const OPTIONS = optionTable<CancelOptions>({ reason: undefined, abort: TRUTH, reasonCode: U16 });

/**
 * Tells options from a reason, which may be anything: options are a plain object with no other members.
 * @throws UsageError on an option that does not fit
 */
export function cancelOptions(given: unknown): CancelOptions {
  const options = isOptions(given) ? checkOptions('cancel options', given, OPTIONS) : { reason: given };
  // A reason is never awaited.
  ignoreRejectionsWithin(options.reason, 0);
  return options;
}

function isOptions(given: unknown): given is CancelOptions {
  if (typeof given !== 'object' || given === null) return false;
  try {
    if (Object.getPrototypeOf(given) !== Object.prototype) return false;
    const names = Object.keys(given);
    return names.length > 0 && names.every((name) => OPTIONS.has(name));
  } catch {
    // A proxy, which may do anything: a reason like any other.
    return false;
  }
}

/** CANCEL or ABORT of an operation that has no answer yet. @param error - what it fails with on this side */
export function sendCancel(
  connection: Pick<SessionConnection, 'send'>,
  sessionId: number,
  frameId: number,
  lane: Lane,
  words: OperationWords,
  error: NnrpError,
  options: CancelOptions = {},
): void {
  const { low: operationLow, high: operationHigh } = words;
  const { controlRequest, ControlRequestFlags, ReasonCode } = preview4Words();
  const isLate = isNnrpError(error, 'NNRP_ERR_DEADLINE');
  const { abort = false, reasonCode = isLate ? ReasonCode.DeadlineExpired : ReasonCode.UserCancelled } = options;
  const flags = abort ? ControlRequestFlags.HardAbortAllowed : ControlRequestFlags.CooperativeAllowed;
  const request = { operationLow, operationHigh, reasonCode, sourceRole: CLIENT_ROLE, flags };
  const messageType = abort ? ABORT_TYPE : CANCEL_TYPE;
  connection.send(messageType, sessionId, frameId, controlRequest, request, undefined, lane);
}
