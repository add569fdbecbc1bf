import { CancelScope, OperationState } from '../../generated/preview3/enums.js';
import { IdTable } from '../collections/id-table.js';
import { RecordIndex } from '../collections/record-index.js';
import { FrameIds } from './frame-ids.js';
import type { OperationFault } from './operation-fault.js';
import { canAdvance, isTerminal } from './operation-state.js';

/** One operation: its id, its session and how far it is. A runtime extends it with what it needs to know. */
export class OperationRecord {
  /** Changed by the registry alone. */
  state: OperationState = OperationState.Accepted;

  constructor(
    /** The frame_id of the submit. */
    readonly operationId: number,
    /** The operation that this one is part of. The registry changes it when that one ends and another takes over. */
    public parentOperationId?: number | undefined,
    /** The group of the operation, not 0. Changed by the registry alone. */
    public operationGroupId?: number | undefined,
  ) {}
}

/** What a registry keeps beside the operations; each empty, and for one registry alone. */
export interface RegistryIndexes<R> {
  /** The operations below another, by the id of that one. */
  readonly children?: RecordIndex<R>;
  readonly groups?: RecordIndex<R>;
  readonly ids?: FrameIds;
}

const NONE: readonly never[] = [];

/**
 * The operations of one session that have not ended. An operation that ends is forgotten at once; its id stays used.
 *
 * When an operation ends before its children, they go over to its own parent, so that cancelling a subtree still reaches
 * them; without a living parent they stand alone. Registering, advancing and cancelling cost nothing but what they
 * change: no operation looks at those it does not concern.
 *
 * @see NNRP/1-preview3 section 5 (frame_id) and section 6 (operation_state, cancel_scope)
 */
export class OperationRegistry<R extends OperationRecord = OperationRecord> implements Iterable<R> {
  private readonly records = new IdTable<R>();
  private readonly ids: FrameIds;
  private readonly children: RecordIndex<R>;
  private readonly groups: RecordIndex<R>;

  /**
   * @param sessionId - one registry serves one session, so that a group cannot reach another session's operations
   * @param indexes - for a caller that wants to see what is kept
   */
  constructor(
    readonly sessionId: number,
    indexes: RegistryIndexes<R> = {},
  ) {
    this.ids = indexes.ids ?? new FrameIds();
    this.children = indexes.children ?? new RecordIndex();
    this.groups = indexes.groups ?? new RecordIndex();
  }

  /** Operations that have not ended. */
  get size(): number {
    return this.records.size;
  }

  /** The highest id registered so far, 0 when none: the watermark of SESSION_CLOSE. */
  get highestId(): number {
    return this.ids.highest;
  }

  /** The operation, while it has not ended. */
  get(operationId: number): R | undefined {
    return this.records.get(operationId);
  }

  /** Whether the operation is there and has not ended. */
  has(operationId: number): boolean {
    return this.records.has(operationId);
  }

  /**
   * Whether the id counts as used, by an operation that lives or has ended. Memory for this is bounded: a peer that
   * leaves thousands of gaps loses the ids in them.
   */
  wasUsed(operationId: number): boolean {
    return this.ids.has(operationId);
  }

  /** The operations that have not ended, by ascending id. */
  [Symbol.iterator](): Iterator<R> {
    return this.records.values()[Symbol.iterator]();
  }

  /**
   * Takes a new operation in, in the state `accepted`. A refused one leaves no trace: its id stays free.
   *
   * @returns the first fault: session 0, operation 0, its own parent, group 0, an id that was used, an unknown parent. A
   *   parent that has ended is fine; the operation then stands alone
   */
  register(record: R): OperationFault | undefined {
    const { operationId, parentOperationId, operationGroupId } = record;
    if (this.sessionId === 0) return relationship('an operation needs a session other than 0');
    if (operationId === 0) return relationship('an operation needs an id other than 0');
    if (parentOperationId === operationId) return relationship('an operation cannot be its own parent');
    if (operationGroupId === 0) return relationship('a group needs an id other than 0');
    if (parentOperationId !== undefined && !this.ids.has(parentOperationId) && !this.ids.has(operationId)) {
      return { kind: 'unknown_operation', operationId: parentOperationId };
    }
    if (!this.ids.take(operationId)) return { kind: 'operation_already_exists', operationId };
    record.state = OperationState.Accepted;
    this.records.set(operationId, record);
    if (parentOperationId !== undefined && this.records.has(parentOperationId)) {
      this.children.add(parentOperationId, record);
    }
    if (operationGroupId !== undefined) this.groups.add(operationGroupId, record);
    return undefined;
  }

  /**
   * Says what an operation belongs to, after it has been taken in: on the wire of preview3 no submit says it.
   *
   * @param parentOperationId - the operation it is part of from now on; undefined leaves it as it is
   * @param operationGroupId - its group from now on, not 0; undefined leaves it as it is
   * @returns the first fault: not registered (any more), its own parent or a parent below it, group 0, an unknown parent.
   *   Nothing is changed then. A parent that has ended is fine; the operation then stands alone
   */
  relate(
    record: R,
    parentOperationId: number | undefined,
    operationGroupId?: number | undefined,
  ): OperationFault | undefined {
    const { operationId } = record;
    if (this.records.get(operationId) !== record) return { kind: 'unknown_operation', operationId };
    if (operationGroupId === 0) return relationship('a group needs an id other than 0');
    if (parentOperationId !== undefined) {
      const fault = this.checkParent(record, parentOperationId);
      if (fault !== undefined) return fault;
      if (record.parentOperationId !== undefined) this.children.remove(record.parentOperationId, record);
      record.parentOperationId = parentOperationId;
      if (this.records.has(parentOperationId)) this.children.add(parentOperationId, record);
    }
    if (operationGroupId !== undefined) {
      if (record.operationGroupId !== undefined) this.groups.remove(record.operationGroupId, record);
      record.operationGroupId = operationGroupId;
      this.groups.add(operationGroupId, record);
    }
    return undefined;
  }

  /**
   * Moves an operation to another state, without looking it up. A terminal state makes the registry forget it.
   *
   * @param record - one that this registry has taken in
   */
  advance(record: R, to: OperationState): OperationFault | undefined {
    const from = record.state;
    if (!canAdvance(from, to)) return { kind: 'invalid_operation_transition', from, to };
    record.state = to;
    if (isTerminal(to)) this.forget(record);
    return undefined;
  }

  /** {@link advance} by id. An operation that has ended is as unknown as one that never was. */
  transition(operationId: number, to: OperationState): OperationFault | undefined {
    const record = this.records.get(operationId);
    return record === undefined ? { kind: 'unknown_operation', operationId } : this.advance(record, to);
  }

  /**
   * Cancels an operation, it and those below it, its group, or every operation of the session.
   *
   * @param operationId - the target; ignored for the session
   * @returns those that were cancelled, by ascending id; none when the target has ended before. A fault when the target
   *   was never registered, or has no group and its group is to be cancelled
   */
  cancel(scope: CancelScope, operationId: number): { cancelled: R[] } | { fault: OperationFault } {
    if (scope === CancelScope.Session) return { cancelled: this.endAll(OperationState.Cancelled) };
    const target = this.records.get(operationId);
    if (target === undefined) {
      return this.wasUsed(operationId) ? { cancelled: [] } : { fault: { kind: 'unknown_operation', operationId } };
    }
    const cancelled = this.reach(scope, target);
    if (cancelled === undefined) return { fault: relationship(`operation ${operationId} has no group`) };
    cancelled.sort(byId);
    for (const record of cancelled) record.state = OperationState.Cancelled;
    for (const record of cancelled) this.forget(record);
    return { cancelled };
  }

  /**
   * Ends every operation, whatever its state: the session is over.
   *
   * @param to - cancelled, failed or superseded
   * @returns those that were ended, by ascending id
   * @throws RangeError when `to` is none of the three
   */
  endAll(to: OperationState): R[] {
    if (!canAdvance(OperationState.Accepted, to) || !isTerminal(to)) {
      throw new RangeError('operations can be ended as cancelled, failed or superseded');
    }
    const ended = this.records.values();
    // An application may have frozen one: the others end all the same.
    for (const record of ended) Reflect.set(record, 'state', to);
    this.records.clear();
    this.children.clear();
    this.groups.clear();
    return ended;
  }

  /** A parent must be known, and not hang on the operation itself: a subtree has no way back. */
  private checkParent({ operationId }: R, parentOperationId: number): OperationFault | undefined {
    if (!this.ids.has(parentOperationId)) return { kind: 'unknown_operation', operationId: parentOperationId };
    let above: number | undefined = parentOperationId;
    while (above !== undefined) {
      if (above === operationId) return relationship('an operation cannot be its own parent');
      above = this.records.get(above)?.parentOperationId;
    }
    return undefined;
  }

  /** What a cancel concerns; undefined when the target has no group. */
  private reach(scope: CancelScope, target: R): R[] | undefined {
    switch (scope) {
      case CancelScope.Subtree: {
        // The list grows while it is walked; a tree has no way back, so each is met once.
        const reached = [target];
        for (const record of reached) {
          for (const child of this.children.get(record.operationId) ?? NONE) reached.push(child);
        }
        return reached;
      }
      case CancelScope.Group:
        if (target.operationGroupId === undefined) return undefined;
        return [...(this.groups.get(target.operationGroupId) ?? NONE)];
      default:
        return [target];
    }
  }

  private forget(record: R): void {
    const { operationId, parentOperationId, operationGroupId } = record;
    // A record that was refused may have the id of one that lives.
    if (this.records.get(operationId) !== record) return;
    this.records.delete(operationId);
    if (operationGroupId !== undefined) this.groups.remove(operationGroupId, record);
    if (parentOperationId !== undefined) this.children.remove(parentOperationId, record);
    const orphans = this.children.get(operationId);
    if (orphans === undefined) return;
    this.children.drop(operationId);
    if (parentOperationId === undefined || !this.records.has(parentOperationId)) return;
    for (const orphan of orphans) {
      orphan.parentOperationId = parentOperationId;
      // One that has ended in the same cancel is forgotten next; it only has to hand its own children on.
      if (!isTerminal(orphan.state)) this.children.add(parentOperationId, orphan);
    }
  }
}

function relationship(rule: string): OperationFault {
  return { kind: 'invalid_operation_relationship', rule };
}

function byId(one: OperationRecord, other: OperationRecord): number {
  return one.operationId - other.operationId;
}
