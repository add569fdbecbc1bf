import type { Packet } from 'nnrp-core';
import * as preview4 from 'nnrp-core/preview4';
import { operationIdOf } from '../../../connection/revision/codecs-preview4.js';
import type { NnrpServerSession, ResolvedObject } from '../../contract/contract.js';
import type { OperationBudget, OperationPriority } from '../../contract/preview4/operation-facts.js';
import { PREVIEW4_BODIES, type SubmitBodies } from '../bodies/submit-bodies.js';
import { Operation, type OperationOwner } from '../operation.js';

const AT = preview4.FRAME_SUBMIT_OFFSETS.operationId;

/** An operation of preview4, which has an id beside its frame. */
export class OperationOfPreview4 extends Operation {
  readonly operationLow: number;
  readonly operationHigh: number;
  /** Partial results that were sent. */
  parts = 0;
  /** Progress that was sent. */
  steps = 0;
  /** The moments of EXPIRE_AT and DEADLINE, as `performance.now` has them; undefined for none. */
  expiresAtMs: number | undefined;
  deadlineAtMs: number | undefined;
  readonly startedAtMs = performance.now();
  private changed: { priority?: OperationPriority; budget?: OperationBudget } | undefined;

  constructor(
    session: NnrpServerSession,
    owner: OperationOwner,
    packet: Packet,
    deadlineMs: number,
    objects?: readonly ResolvedObject[],
  ) {
    super(session, owner, packet, deadlineMs, objects);
    this.deadlineAtMs = deadlineMs === 0 ? undefined : this.startedAtMs + deadlineMs;
    const { view, metadataStart } = packet;
    this.operationLow = view.getUint32(metadataStart + AT, true);
    this.operationHigh = view.getUint32(metadataStart + AT + 4, true);
  }

  protected override get bodies(): SubmitBodies {
    return PREVIEW4_BODIES;
  }

  override get id(): bigint {
    return operationIdOf(this);
  }

  override get priority(): OperationPriority | undefined {
    return this.changed?.priority;
  }

  override get budget(): OperationBudget | undefined {
    return this.changed?.budget;
  }

  set newPriority(priority: OperationPriority) {
    this.changed = { ...this.changed, priority };
  }

  set newBudget(budget: OperationBudget) {
    this.changed = { ...this.changed, budget };
  }

  override nextStep(): number {
    this.steps++;
    return this.steps;
  }

  /** Whether a message means this operation by its id. */
  isNamed(operationId: bigint): boolean {
    return (
      Number(operationId & 0xffff_ffffn) === this.operationLow && Number(operationId >> 32n) === this.operationHigh
    );
  }
}
