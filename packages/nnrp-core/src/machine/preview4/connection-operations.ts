import { CancelScope, OperationState } from '../../generated/preview3/enums.js';
import { MessageType } from '../../generated/preview4/enums.js';
import { SchedulingFlags } from '../../generated/preview4/flags.js';
import type { Scheduling } from '../../generated/preview4/scheduling.js';
import { canAdvance, isTerminal } from '../operation/operation-state.js';
import type {
  ConnectionOperation,
  ConnectionOperationFault,
  OperationInit,
  OperationSchedule,
} from './operation-outcome.js';

interface Entry extends ConnectionOperation {
  state: OperationState;
  schedule: OperationSchedule;
}

/** What became of a cancel. */
export type CancelOutcome =
  | { readonly cancelled: readonly bigint[]; readonly fault?: undefined }
  | { readonly cancelled?: undefined; readonly fault: ConnectionOperationFault };

/** What became of an update of the schedule, or of a look at the expiry. */
export type ScheduleOutcome =
  | { readonly schedule: OperationSchedule; readonly fault?: undefined }
  | { readonly schedule?: undefined; readonly fault: ConnectionOperationFault };

/** Operations that have ended and whose state is still told. */
const MAX_ENDED = 4096;

const UNSCHEDULED: OperationSchedule = /* @__PURE__ */ Object.freeze({
  priorityClass: 0,
  priorityDelta: 0,
  deadlineUnixMs: 0n,
  expireAtUnixMs: 0n,
  updateSequence: 0n,
  flags: 0,
});

/**
 * The operations of all sessions of a connection, by their ids of 64 bits: states, what is below what, groups, and what is
 * scheduled. Operations that have ended stay known, so that a late message about one gets the answer of its state; of more
 * than `maxEnded` the oldest are forgotten.
 *
 * @see NNRP/1-preview4 sections 7.9, 7.10 and 15.2 (OP-1 to OP-8, SCHED-3)
 */
export class ConnectionOperations {
  private readonly entries = new Map<bigint, Entry>();
  /** In the order in which they ended. */
  private readonly ended = new Set<bigint>();

  /** @param maxEnded - operations that have ended and stay known, from 0 */
  constructor(private readonly maxEnded: number = MAX_ENDED) {
    if (!Number.isInteger(maxEnded) || maxEnded < 0) {
      throw new RangeError(`maxEnded takes a whole number from 0, got ${maxEnded}`);
    }
  }

  /** Operations that are known, those that have ended included. */
  get size(): number {
    return this.entries.size;
  }

  /** The operation as it is now, a copy; undefined when it is not known. */
  get(operationId: bigint): ConnectionOperation | undefined {
    const entry = this.entries.get(operationId);
    return entry && { ...entry };
  }

  /** How far the operation is; undefined when it is not known. */
  state(operationId: bigint): OperationState | undefined {
    return this.entries.get(operationId)?.state;
  }

  /**
   * Takes an operation in, in the state `accepted`.
   *
   * @returns the first fault: OP-1 session 0, OP-2 operation 0, OP-3 its own parent, OP-4 group 0, an id that is known, an
   *   unknown parent, OP-5 a parent of another session. A parent that has ended is fine
   */
  register(init: OperationInit): ConnectionOperationFault | undefined {
    const { operationId, sessionId, parentOperationId, operationGroupId } = init;
    if (sessionId === 0) return relationship('OP-1');
    if (operationId === 0n) return relationship('OP-2');
    if (parentOperationId === operationId) return relationship('OP-3');
    if (operationGroupId === 0n) return relationship('OP-4');
    if (this.entries.has(operationId)) return { kind: 'operation_already_exists', operationId };
    if (parentOperationId !== undefined) {
      const parent = this.entries.get(parentOperationId);
      if (parent === undefined) return unknown(parentOperationId);
      if (parent.sessionId !== sessionId) return relationship('OP-5');
    }
    this.entries.set(operationId, {
      operationId,
      sessionId,
      parentOperationId,
      operationGroupId,
      state: OperationState.Accepted,
      schedule: UNSCHEDULED,
    });
    return undefined;
  }

  /** Moves an operation to another state. */
  transition(operationId: bigint, to: OperationState): ConnectionOperationFault | undefined {
    const entry = this.entries.get(operationId);
    return entry === undefined ? unknown(operationId) : this.advance(entry, to);
  }

  /** Ends an operation with its result; one that was only accepted has run by that. */
  complete(operationId: bigint): ConnectionOperationFault | undefined {
    const entry = this.entries.get(operationId);
    if (entry === undefined) return unknown(operationId);
    if (entry.state === OperationState.Accepted) this.advance(entry, OperationState.Running);
    return this.advance(entry, OperationState.Completed);
  }

  /** Ends an operation as failed, by ABORT. */
  abort(operationId: bigint): ConnectionOperationFault | undefined {
    return this.transition(operationId, OperationState.Failed);
  }

  /**
   * Cancels an operation, it and those below it, its group, or every operation of the session. A group reaches over sessions.
   *
   * @returns the ids of those that had not ended before, ascending; the first fault: an unknown target, OP-6 a target of another
   *   session, OP-7 a group of a target that has none
   */
  cancel(sessionId: number, operationId: bigint, scope: CancelScope): CancelOutcome {
    const target = this.entries.get(operationId);
    if (target === undefined) return { fault: unknown(operationId) };
    if (target.sessionId !== sessionId) return { fault: relationship('OP-6') };
    if (scope === CancelScope.Group && target.operationGroupId === undefined) return { fault: relationship('OP-7') };
    const reached = this.reach(scope, target).filter(({ state }) => !isTerminal(state));
    for (const entry of reached) this.advance(entry, OperationState.Cancelled);
    return { cancelled: reached.map((entry) => entry.operationId).sort((one, other) => (one < other ? -1 : 1)) };
  }

  /**
   * Takes an update of the schedule: of PRIORITY_UPDATE class and delta, of DEADLINE the deadline, of EXPIRE_AT the expiry and the
   * flags. Sequences are stored, and not compared.
   *
   * @returns the whole schedule; the first fault: an unknown operation, OP-8 one of another session, one that has ended, SCHED-3 for
   *   any other message
   */
  schedule(sessionId: number, messageType: number, update: Scheduling): ScheduleOutcome {
    const { operationId, controlSequence, priorityClass, priorityDelta, deadlineUnixMs, flags } = update;
    const entry = this.entries.get(operationId);
    if (entry === undefined) return { fault: unknown(operationId) };
    if (entry.sessionId !== sessionId) return { fault: relationship('OP-8') };
    if (isTerminal(entry.state)) return { fault: notFrom(entry.state, entry.state) };
    const before = { ...entry.schedule, updateSequence: controlSequence };
    // The sequence counts whatever the message is.
    entry.schedule = before;
    switch (messageType) {
      case MessageType.PriorityUpdate:
        entry.schedule = { ...before, priorityClass, priorityDelta };
        break;
      case MessageType.Deadline:
        entry.schedule = { ...before, deadlineUnixMs };
        break;
      case MessageType.ExpireAt:
        entry.schedule = { ...before, expireAtUnixMs: deadlineUnixMs, flags };
        break;
      default:
        return { fault: { kind: 'invalid_combination', rule: 'SCHED-3' } };
    }
    return { schedule: entry.schedule };
  }

  /**
   * Ends an operation as superseded when EXPIRE_AT has come and said that stale work is to be dropped. DEADLINE expires nothing.
   *
   * @param nowUnixMs - milliseconds since 1970
   * @returns whether it has ended by that; a fault when it is not known
   */
  expire(operationId: bigint, nowUnixMs: bigint): boolean | ConnectionOperationFault {
    const entry = this.entries.get(operationId);
    if (entry === undefined) return unknown(operationId);
    const { expireAtUnixMs, flags } = entry.schedule;
    const isStale =
      (flags & SchedulingFlags.DiscardStale) !== 0 && expireAtUnixMs !== 0n && expireAtUnixMs <= nowUnixMs;
    return isStale && this.advance(entry, OperationState.Superseded) === undefined;
  }

  /** Forgets all operations of a session that is over. */
  forgetSession(sessionId: number): void {
    for (const [operationId, entry] of this.entries) {
      if (entry.sessionId !== sessionId) continue;
      this.entries.delete(operationId);
      this.ended.delete(operationId);
    }
  }

  private advance(entry: Entry, to: OperationState): ConnectionOperationFault | undefined {
    if (!canAdvance(entry.state, to)) return notFrom(entry.state, to);
    entry.state = to;
    if (isTerminal(to)) this.keepEnded(entry.operationId);
    return undefined;
  }

  private keepEnded(operationId: bigint): void {
    this.ended.add(operationId);
    if (this.ended.size <= this.maxEnded) return;
    const [oldest] = this.ended;
    if (oldest === undefined) return;
    this.ended.delete(oldest);
    this.entries.delete(oldest);
  }

  private reach(scope: CancelScope, target: Entry): Entry[] {
    if (scope === CancelScope.Operation) return [target];
    const all = [...this.entries.values()];
    if (scope === CancelScope.Session) return all.filter(({ sessionId }) => sessionId === target.sessionId);
    if (scope === CancelScope.Group) {
      return all.filter(({ operationGroupId }) => operationGroupId === target.operationGroupId);
    }
    // A parent is known before those below it, so one walk in the order of registration meets each subtree whole.
    const reached = new Set<bigint>([target.operationId]);
    for (const { operationId, parentOperationId } of all) {
      if (parentOperationId !== undefined && reached.has(parentOperationId)) reached.add(operationId);
    }
    return all.filter(({ operationId }) => reached.has(operationId));
  }
}

function relationship(rule: string): ConnectionOperationFault {
  return { kind: 'invalid_operation_relationship', rule };
}

function unknown(operationId: bigint): ConnectionOperationFault {
  return { kind: 'unknown_operation', operationId };
}

function notFrom(from: OperationState, to: OperationState): ConnectionOperationFault {
  return { kind: 'invalid_operation_transition', from, to };
}
