import { CancelledError, type NnrpError, OperationRegistry, type Packet, UsageError } from 'nnrp-core';
import { OperationState } from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { EMPTY_BYTES } from '../../../base/bytes.js';
import { guard } from '../../../base/guard.js';
import { thisTurn } from '../../../base/time/turn.js';
import { diagnosticOf } from '../../../connection/errors/error-details.js';
import { type DropOfOperation, RESULT_DROP_REASON } from '../../../connection/revision/codecs-preview4.js';
import type { ResolvedObject } from '../../contract/contract.js';
import type { DropOptions } from '../../contract/preview4/drop-options.js';
import type { DropReason } from '../../contract/server-counters.js';
import { type FrameFailure, supersededFailure } from '../../failures/frame-failure.js';
import type { Operation } from '../operation.js';
import type { ResultSender } from '../result-sender.js';
import type { defaultResults } from '../result-values.js';
import { type OperationsOwner, SessionOperations } from '../session-operations.js';
import { DROP_CODES } from './drop-codes.js';
import { OperationOfPreview4 } from './operation.js';
import { OperationIds, textOfId } from './operation-ids.js';
import { ResultSenderOfPreview4 } from './result-sender.js';

const SUBMIT = preview4.FRAME_SUBMIT_OFFSETS.operationId;
/** The longest deadline that is waited for, in milliseconds. */
const MAX_DEADLINE_MS = 0xffff_ffff;

/** The operations of a session that speaks preview4. */
export class OperationsOfPreview4 extends SessionOperations {
  private ids = new OperationIds();
  /** Those in flight, by their operation ids, from the first time that one is asked for by an id that is not its frame. */
  private byId: Map<string, OperationOfPreview4> | undefined;

  /** Frame ids ascend, and neither a frame nor an operation id comes twice. */
  override admit(packet: Packet, deadlineMs: number, objects?: readonly ResolvedObject[]): Operation | undefined {
    if (!this.takeIds(packet)) return undefined;
    const operation = super.admit(packet, deadlineMs, objects) as OperationOfPreview4 | undefined;
    if (operation === undefined) return undefined;
    this.byId?.set(keyOf(operation), operation);
    // What waits for a deadline notes it itself: to ask for the turn twice costs a look at the clock.
    if (deadlineMs > 0 && this.owner.config.deadlines !== true) operation.since = thisTurn();
    return operation;
  }

  override answered(operation: Operation, reason: NnrpError | undefined, outcome: 'completed' | DropReason): void {
    this.byId?.delete(keyOf(operation as OperationOfPreview4));
    super.answered(operation, reason, outcome);
  }

  override useUpId(packet: Packet): boolean {
    return this.takeIds(packet) && super.useUpId(packet);
  }

  override get lastOperationId(): bigint {
    return this.ids.highest;
  }

  /** The operation that a message names by frame and id; undefined when it is over or there is none. */
  named(frameId: number, operationId: bigint): OperationOfPreview4 | undefined {
    const operation = this.registry.get(frameId) as OperationOfPreview4 | undefined;
    return operation?.isNamed(operationId) === true ? operation : undefined;
  }

  /** By its operation id, which most clients choose like its frame. */
  byOperationId(operationId: bigint): OperationOfPreview4 | undefined {
    const low = Number(operationId & 0xffff_ffffn);
    const named = this.named(low, operationId);
    if (named !== undefined) return named;
    this.byId ??= new Map(
      [...(this.registry as Iterable<Operation>)].map((one) => [
        keyOf(one as OperationOfPreview4),
        one as OperationOfPreview4,
      ]),
    );
    return this.byId.get(textOfId(low, Number(operationId >> 32n)));
  }

  /** Whether a frame is over, or in flight: what comes late for it is no fault. */
  hasSeen(frameId: number): boolean {
    return frameId <= this.registry.highestId;
  }

  /** Another operation takes its place: the client has said so. */
  supersede(operation: Operation): void {
    const text = `the client put another operation in the place of frame ${operation.frameId}`;
    this.fail(operation, supersededFailure(text), new CancelledError(text));
  }

  /**
   * Its time ends at another moment from now on.
   * @param atMs - as `performance.now` has it; undefined = never
   */
  reschedule(operation: OperationOfPreview4, atMs: number | undefined): void {
    const { deadlines } = this.owner;
    deadlines.remove(operation);
    if (atMs === undefined) return;
    const leftMs = Math.ceil(atMs - performance.now());
    if (leftMs <= 0) operation.expired(-leftMs);
    else deadlines.add(operation, coarse(Math.min(leftMs, MAX_DEADLINE_MS)));
  }

  /** The client has lost its connection and begins anew: nothing that it has asked for can be answered. */
  override abandon(reason: NnrpError): void {
    for (const operation of this.registry.endAll(OperationState.Cancelled)) {
      guard(this, () => this.answered(operation, reason, 'session_lost'));
      if (!operation.isOver) guard(this, () => operation.end(reason));
    }
    this.registry = new OperationRegistry(this.sessionId);
    this.ids = new OperationIds();
    this.byId = undefined;
  }

  override checkDrop(options: DropOptions | undefined): void {
    const { reasonCode } = options ?? {};
    if (reasonCode === 0) throw new UsageError('drop: reasonCode takes a value of DropReasonCode, got 0');
  }

  protected override newOperation(packet: Packet, deadlineMs: number, objects?: readonly ResolvedObject[]): Operation {
    return new OperationOfPreview4(this.owner.handle, this, packet, deadlineMs, objects);
  }

  protected override makeResults(defaults: ReturnType<typeof defaultResults>, owner: OperationsOwner): ResultSender {
    return new ResultSenderOfPreview4(this.sessionId, defaults, owner, this);
  }

  protected override sendDropOf(
    target: Operation | Packet,
    outcome: DropReason,
    failure: FrameFailure | undefined,
    options: DropOptions = {},
  ): boolean {
    const halves = halvesOf(target);
    // A result that was left out does not say whose it was, and a submit may name no operation: the frame says it all.
    if (halves === undefined) return target.frameId === 0 || super.sendDropOf(target, outcome, failure);
    const { connection, lane } = this.owner;
    const { reasonCode = DROP_CODES[outcome], text = this.explains ? '' : (failure?.text ?? ''), retryable } = options;
    const isRetryable = retryable ?? failure?.details.retryable === true;
    const { Final, Retryable } = preview4.ResultDropReasonFlags;
    const body = text === '' ? EMPTY_BYTES : diagnosticOf(text).bytes;
    const drop: DropOfOperation = {
      ...halves,
      dropReasonCode: reasonCode,
      sourceRole: preview4.RuntimeRole.Server,
      flags: Final | (isRetryable ? Retryable : 0),
      diagnosticBytes: body.length,
    };
    const { ResultDropReason } = preview4.MessageType;
    const { frameId, traceLow, traceHigh } = target;
    const { sessionId } = this;
    return connection.send(
      ResultDropReason,
      sessionId,
      frameId,
      RESULT_DROP_REASON,
      drop,
      body,
      lane,
      traceLow,
      traceHigh,
    );
  }

  /** Clients of this library read the reason in an ERROR before it. */
  private get explains(): boolean {
    return this.owner.connection.knowsPeerMessages;
  }

  private takeIds({ frameId, view, metadataStart }: Packet): boolean {
    if (frameId <= this.registry.highestId) return false;
    const low = view.getUint32(metadataStart + SUBMIT, true);
    const high = view.getUint32(metadataStart + SUBMIT + 4, true);
    return this.ids.take(low, high);
  }
}

function halvesOf(
  target: Operation | Packet,
): Pick<DropOfOperation, 'operationLow' | 'operationHigh' | 'resultSequence'> | undefined {
  if ('operationLow' in target) {
    const { operationLow, operationHigh, parts } = target as OperationOfPreview4;
    return { operationLow, operationHigh, resultSequence: parts + 1 };
  }
  if (!('metadataStart' in target) || target.messageType !== preview4.MessageType.FrameSubmit) return undefined;
  const { view, metadataStart } = target;
  // Of one that is too large, the header is all that there is.
  if (view.byteLength < metadataStart + preview4.FRAME_SUBMIT_BYTES) return undefined;
  if (target.metadataLength < preview4.FRAME_SUBMIT_BYTES) return undefined;
  const operationLow = view.getUint32(metadataStart + SUBMIT, true);
  const operationHigh = view.getUint32(metadataStart + SUBMIT + 4, true);
  return (operationLow | operationHigh) === 0 ? undefined : { operationLow, operationHigh, resultSequence: 1 };
}

function keyOf({ operationLow, operationHigh }: OperationOfPreview4): string {
  return textOfId(operationLow, operationHigh);
}

/** One of few durations, a little longer: each in use has a timer, and clients choose them. */
function coarse(ms: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(ms)) - 6);
  return Math.ceil(ms / step) * step;
}
