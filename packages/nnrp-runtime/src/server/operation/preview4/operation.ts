import type { Packet } from 'nnrp-core';
import * as preview4 from 'nnrp-core/preview4';
import type { Turn } from '../../../base/time/turn.js';
import { operationIdOf } from '../../../connection/revision/codecs-preview4.js';
import type { NnrpServerSession, ResolvedObject } from '../../contract/contract.js';
import type { OperationBudget, OperationPriority } from '../../contract/preview4/operation-facts.js';
import { PREVIEW4_BODIES, type SubmitBodies } from '../bodies/submit-bodies.js';
import { Operation } from '../operation.js';
import type { OperationOwner } from '../operation-owner.js';

const AT = preview4.FRAME_SUBMIT_OFFSETS.operationId;

/** What few operations have. */
interface Said {
  priority: OperationPriority | undefined;
  budget: OperationBudget | undefined;
  /** The moment of EXPIRE_AT, as `performance.now` has it; undefined for none. */
  expiresAtMs: number | undefined;
  /** How often its progress was told. */
  steps: number;
}

/** An operation of preview4, which has an id beside its frame. */
export class OperationOfPreview4 extends Operation {
  readonly operationLow: number;
  readonly operationHigh: number;
  /** Partial results that were sent. */
  parts = 0;
  /** The turn in which it came, when it has a deadline that nothing waits for; else `timedSince` is. */
  since: Turn | undefined = undefined;
  /** The deadline that it has now, when the client has said so. */
  private movedToMs: number | undefined = undefined;
  private rare: Said | undefined = undefined;

  constructor(
    session: NnrpServerSession,
    owner: OperationOwner<Operation>,
    packet: Packet,
    deadlineMs: number,
    objects?: readonly ResolvedObject[],
  ) {
    super(session, owner, packet, deadlineMs, objects);
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
    return this.rare?.priority;
  }

  override get budget(): OperationBudget | undefined {
    return this.rare?.budget;
  }

  /** The moment of its deadline, as `performance.now` has it; 0 = none. */
  get deadlineAtMs(): number {
    const since = this.timedSince ?? this.since;
    return this.movedToMs ?? (since === undefined ? 0 : since.endMs + this.deadlineMs);
  }

  set deadlineAtMs(atMs: number) {
    this.movedToMs = atMs;
  }

  get expiresAtMs(): number | undefined {
    return this.rare?.expiresAtMs;
  }

  /** What the client has said of it. */
  get said(): Said {
    this.rare ??= { priority: undefined, budget: undefined, expiresAtMs: undefined, steps: 0 };
    return this.rare;
  }

  override nextStep(): number {
    const { said } = this;
    said.steps++;
    return said.steps;
  }

  /** Whether a message means this operation by its id. */
  isNamed(operationId: bigint): boolean {
    return (
      Number(operationId & 0xffff_ffffn) === this.operationLow && Number(operationId >> 32n) === this.operationHigh
    );
  }
}
