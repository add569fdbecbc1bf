import { DeadlineError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { followSignal, reasonOf } from '../../base/application/abort-signals.js';
import type { Guarded } from '../../base/guard.js';
import { momentOf } from '../../base/time/unix-time.js';
import { FRAME_SUBMIT } from '../../connection/sending/codecs.js';
import type { Lane } from '../../connection/sending/outbox.js';
import { unixMs } from '../controls/controlled-operation.js';
import type { OperationIds } from '../controls/operation-ids.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { ClientSessionConnection } from './client-session-connection.js';
import type { SubmitOptions } from './submit-options.js';

/**
 * Cancels an operation when its signal aborts.
 * @throws what the signal throws; the caller does not get the operation then, so it is given up
 */
export function followOperation(owner: Guarded, operation: ClientOperation, signal: AbortSignal): void {
  try {
    operation.unfollow = followSignal(owner, signal, () => operation.cancelFor(reasonOf(signal)));
  } catch (error) {
    operation.cancelFor(error);
    throw error;
  }
}

/**
 * FRAME_SUBMIT, with what its header says by the options.
 * @returns false when the connection is full @throws WireError, UsageError; nothing is sent then
 */
export function sendSubmit(
  connection: ClientSessionConnection,
  sessionId: number,
  frameId: number,
  ids: OperationIds | undefined,
  metadata: preview3.FrameSubmit,
  body: Uint8Array,
  lane: Lane,
  options: SubmitOptions | undefined,
): boolean {
  const traceId = options?.traceId;
  const deadlineAt = options?.deadlineAt;
  const codec = ids?.next(options?.operationId) ?? FRAME_SUBMIT;
  const unixDeadline = deadlineAt === undefined ? undefined : unixMs(deadlineAt);
  // A reference server would fail the session.
  if (unixDeadline !== undefined && momentOf(unixDeadline) <= performance.now()) {
    throw new DeadlineError(`deadlineAt was over before frame ${frameId} could be sent`, 0);
  }
  // What cannot be sent must not reserve anything.
  if (unixDeadline !== undefined && ids?.canEncode(metadata) === true) ids.reserve(frameId, unixDeadline);
  const traceLow = traceId === undefined ? 0 : Number(traceId & 0xffffffffn);
  const traceHigh = traceId === undefined ? 0 : Number(traceId >> 32n);
  const routeId = options?.routeId;
  const { FrameSubmit } = MessageType;
  return connection.send(
    FrameSubmit,
    sessionId,
    frameId,
    codec,
    metadata,
    body,
    lane,
    traceLow,
    traceHigh,
    false,
    routeId,
  );
}

/**
 * A submit for which there is no room yet may be over before there is: cancelled, too late, or with its session.
 *
 * @param sent - settles when there is room
 * @returns the same, or rejects with what has ended the operation
 */
export function sentOrEnded(operation: ClientOperation, sent: Promise<ClientOperation>): Promise<ClientOperation> {
  return new Promise((resolve, reject) => {
    operation.ended = (failure) => (failure === undefined ? resolve(operation) : reject(failure));
    sent.then(resolve, reject);
  });
}
