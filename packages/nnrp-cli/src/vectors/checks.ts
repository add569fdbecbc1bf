import { WireError, type WireFault } from 'nnrp-core';
import {
  checkHelloAck,
  checkMigration,
  checkRecoveryRequest,
  decodeCacheInvalidate,
  decodeCachePut,
  decodeClientHello,
  decodeControlRequest,
  decodePartialResult,
  decodePressure,
  decodeProgress,
  decodeResultDropReason,
  decodeScheduling,
  decodeServerHelloAck,
  decodeSessionMigrate,
  decodeSessionMigrateAck,
  decodeSessionOpen,
  decodeSessionOpenAck,
  decodeTraceContext,
  isInvalidated,
  judgeControlRequest,
  judgePartialResult,
  judgePressure,
  judgeProgress,
  judgeResultDropReason,
  judgeScheduling,
  judgeTraceContext,
  type OpenAckOutcome,
  openAckOutcome,
  type RecoveryOutcome,
  recoveryOutcome,
} from 'nnrp-core/preview4';
import type { JsonObject } from '../json/json-object.js';
import { RequestError } from '../json/request-error.js';
import { hexAt, MAX_U8, type Members } from './members.js';

type Outcome = WireFault | string;

/** A check of what one structure says, or of two against each other. */
interface Check {
  /** How many structures it reads. */
  readonly structs: 1 | 2;
  /** Whether it depends on the message that the metadata came in. */
  readonly isOfMessage?: boolean;
  run(first: DataView, second: DataView, messageType: number): Outcome;
}

const CHECKS: Readonly<Record<string, Check>> = {
  recovery_request: { structs: 1, run: (open) => okUnless(checkRecoveryRequest(decodeSessionOpen(open))) },
  recovery_ack: {
    structs: 2,
    run: (open, ack) => outcomeOf(recoveryOutcome(decodeSessionOpen(open), decodeSessionOpenAck(ack))),
  },
  migration: {
    structs: 2,
    run: (request, ack) => okUnless(checkMigration(decodeSessionMigrate(request), decodeSessionMigrateAck(ack))),
  },
  hello_ack: {
    structs: 2,
    run: (hello, ack) => okUnless(checkHelloAck(decodeClientHello(hello), decodeServerHelloAck(ack))),
  },
  open_ack_install: { structs: 1, run: (ack) => outcomeOf(openAckOutcome(decodeSessionOpenAck(ack))) },
  control_request: {
    structs: 1,
    isOfMessage: true,
    run: (request, _, type) => okUnless(judgeControlRequest(type, decodeControlRequest(request))),
  },
  scheduling: {
    structs: 1,
    isOfMessage: true,
    run: (update, _, type) => okUnless(judgeScheduling(type, decodeScheduling(update))),
  },
  progress: { structs: 1, run: (progress) => okUnless(judgeProgress(decodeProgress(progress))) },
  partial_result: { structs: 1, run: (part) => okUnless(judgePartialResult(decodePartialResult(part))) },
  pressure: {
    structs: 1,
    isOfMessage: true,
    run: (pressure, _, type) => okUnless(judgePressure(type, decodePressure(pressure))),
  },
  trace_context: { structs: 1, run: (trace) => okUnless(judgeTraceContext(decodeTraceContext(trace))) },
  result_drop_reason: { structs: 1, run: (reason) => okUnless(judgeResultDropReason(decodeResultDropReason(reason))) },
  invalidate_match: {
    structs: 2,
    run: (put, invalidate) =>
      isInvalidated(decodeCachePut(put), decodeCacheInvalidate(invalidate)) ? 'match' : 'no_match',
  },
};

/**
 * Runs a check. @param request - with `check`, its structures as `hex_list`, and `message_type` where the check depends on it
 * @throws RequestError for what is no request, WireError for a structure that is none and for what the check finds
 */
export function check(request: Members): JsonObject {
  const name = request.oneOf('check', Object.keys(CHECKS));
  const { structs, isOfMessage = false, run } = CHECKS[name] as Check;
  const views = request.list('hex_list', hexAt).map(viewOf);
  const [first, second = first] = views;
  if (views.length !== structs || first === undefined || second === undefined) {
    const message = `check ${name} takes ${structs} ${structs === 1 ? 'structure' : 'structures'} in hex_list, got ${views.length}`;
    throw new RequestError({ kind: 'bad_request', message });
  }
  const outcome = run(first, second, isOfMessage ? request.number('message_type', MAX_U8) : 0);
  if (typeof outcome !== 'string') throw new WireError(outcome, name);
  return { outcome };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function okUnless(fault: WireFault | undefined): Outcome {
  return fault ?? 'ok';
}

function outcomeOf(result: RecoveryOutcome | OpenAckOutcome): Outcome {
  return result.outcome === 'fault' ? result.fault : result.outcome;
}
