import { describe, expect, it } from 'vitest';
import { keptBy, watchedRegistry } from '../../../test/watched-registry.js';
import { CancelScope, OperationState } from '../../generated/preview3/enums.js';
import { describeOperationFault } from './operation-fault.js';
import { OperationRecord, type OperationRegistry } from './operation-registry.js';

const { Accepted, Running, Partial, WaitingTool, Superseded, Cancelled, Failed, Completed } = OperationState;

const op = (id: number, parent?: number, group?: number) => new OperationRecord(id, parent, group);
const relationship = (rule: string) => ({ kind: 'invalid_operation_relationship', rule });
const unknown = (operationId: number) => ({ kind: 'unknown_operation', operationId });

function registryWith(...records: OperationRecord[]): OperationRegistry {
  const registry = watchedRegistry(7);
  for (const record of records) expect(registry.register(record)).toBeUndefined();
  return registry;
}

function cancelledIds(registry: OperationRegistry, scope: CancelScope, id: number): unknown {
  const outcome = registry.cancel(scope, id);
  return 'fault' in outcome ? outcome.fault : outcome.cancelled.map(({ operationId }) => operationId);
}

/** What the registry keeps beside the records, as numbers of groups. */
function bookkeeping(registry: OperationRegistry): number[] {
  const { children, groups } = keptBy(registry);
  return [children.size, groups.size];
}

describe('register', () => {
  it('takes an operation in as accepted', () => {
    const record = op(5);
    record.state = Completed;
    const registry = registryWith(record);
    expect(record.state).toBe(Accepted);
    expect(registry.get(5)).toBe(record);
    expect([registry.size, registry.highestId, registry.has(5), registry.has(4)]).toEqual([1, 5, true, false]);
    expect([...registry]).toEqual([record]);
  });

  it('reports the first fault in the order of the rules, and leaves the id free', () => {
    const nowhere = watchedRegistry(0);
    expect(nowhere.register(op(0, 0, 0))).toEqual(relationship('an operation needs a session other than 0'));
    const registry = registryWith(op(3));
    expect(registry.register(op(0, 0, 0))).toEqual(relationship('an operation needs an id other than 0'));
    expect(registry.register(op(3, 3, 0))).toEqual(relationship('an operation cannot be its own parent'));
    expect(registry.register(op(3, 9, 0))).toEqual(relationship('a group needs an id other than 0'));
    expect(registry.register(op(3, 9, 1))).toEqual({ kind: 'operation_already_exists', operationId: 3 });
    expect(registry.register(op(4, 9, 1))).toEqual(unknown(9));
    expect(registry.register(op(4, 0))).toEqual(unknown(0));
    expect([registry.size, registry.highestId, registry.wasUsed(4), bookkeeping(registry)]).toEqual([
      1,
      3,
      false,
      [0, 0],
    ]);
    expect(registry.register(op(4, 3, 1))).toBeUndefined();
  });

  it('refuses an id for ever, also after its operation has ended', () => {
    const registry = registryWith(op(1), op(2));
    registry.transition(1, Failed);
    expect(registry.register(op(1))).toEqual({ kind: 'operation_already_exists', operationId: 1 });
    expect([registry.wasUsed(1), registry.wasUsed(2), registry.wasUsed(3), registry.wasUsed(0)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('takes a parent that has ended; the operation stands alone', () => {
    const registry = registryWith(op(1));
    registry.transition(1, Failed);
    expect(registry.register(op(2, 1))).toBeUndefined();
    expect(bookkeeping(registry)).toEqual([0, 0]);
    expect(cancelledIds(registry, CancelScope.Subtree, 1)).toEqual([]);
    expect(registry.has(2)).toBe(true);
  });
});

describe('advance and transition', () => {
  it('moves along the table and forgets what has ended', () => {
    const record = op(1);
    const registry = registryWith(record);
    for (const state of [Running, Partial, Partial, WaitingTool, Running]) {
      expect(registry.transition(1, state)).toBeUndefined();
      expect(record.state).toBe(state);
    }
    expect(registry.advance(record, Completed)).toBeUndefined();
    expect([registry.has(1), registry.size, registry.highestId]).toEqual([false, 0, 1]);
    expect(registry.transition(1, Running)).toEqual(unknown(1));
    expect(registry.transition(2, Running)).toEqual(unknown(2));
  });

  it('refuses an illegal pair and changes nothing', () => {
    const record = op(1);
    const registry = registryWith(record);
    const fault = { kind: 'invalid_operation_transition', from: Accepted, to: Completed };
    expect(registry.advance(record, Completed)).toEqual(fault);
    expect([record.state, registry.has(1)]).toEqual([Accepted, true]);
    registry.advance(record, Superseded);
    expect(registry.advance(record, Running)).toEqual({ ...fault, from: Superseded, to: Running });
  });

  it('does not lose an operation to a refused record with its id', () => {
    const record = op(1);
    const registry = registryWith(record);
    const twin = op(1);
    registry.register(twin);
    registry.advance(twin, Failed);
    expect(registry.get(1)).toBe(record);
  });
});

describe('cancel', () => {
  // 1 has 2 and 3; 3 has 4; 5 stands alone.
  const family = () => registryWith(op(1), op(2, 1, 8), op(3, 1), op(4, 3, 8), op(5, undefined, 9));

  it('cancels one operation, and leaves its children', () => {
    const registry = family();
    expect(cancelledIds(registry, CancelScope.Operation, 3)).toEqual([3]);
    expect([...registry].map(({ operationId }) => operationId)).toEqual([1, 2, 4, 5]);
  });

  it('cancels an operation and everything below it, by ascending id', () => {
    const registry = family();
    expect(cancelledIds(registry, CancelScope.Subtree, 1)).toEqual([1, 2, 3, 4]);
    expect([registry.size, bookkeeping(registry)]).toEqual([1, [0, 1]]);
  });

  it('reaches descendants with lower ids than their parents', () => {
    const registry = registryWith(op(9), op(4, 9), op(6, 4), op(1, 6));
    expect(cancelledIds(registry, CancelScope.Subtree, 4)).toEqual([1, 4, 6]);
    expect(bookkeeping(registry)).toEqual([0, 0]);
  });

  it('cancels the group of the target', () => {
    const registry = family();
    expect(cancelledIds(registry, CancelScope.Group, 4)).toEqual([2, 4]);
    expect(cancelledIds(registry, CancelScope.Group, 5)).toEqual([5]);
    expect(cancelledIds(registry, CancelScope.Group, 1)).toEqual(relationship('operation 1 has no group'));
    expect([registry.size, bookkeeping(registry)]).toEqual([2, [1, 0]]);
  });

  it('cancels every operation of the session, whether or not the target exists', () => {
    const records = [op(5), op(1, 5, 2), op(3)];
    const registry = registryWith(...records);
    expect(cancelledIds(registry, CancelScope.Session, 99)).toEqual([1, 3, 5]);
    expect(records.map(({ state }) => state)).toEqual([Cancelled, Cancelled, Cancelled]);
    expect([registry.size, bookkeeping(registry)]).toEqual([0, [0, 0]]);
    expect(cancelledIds(registry, CancelScope.Session, 0)).toEqual([]);
  });

  it('finds nothing to cancel in what has ended, and does not know what never was', () => {
    const registry = family();
    registry.transition(4, Failed);
    for (const scope of [CancelScope.Operation, CancelScope.Subtree, CancelScope.Group]) {
      expect(cancelledIds(registry, scope, 4)).toEqual([]);
      expect(cancelledIds(registry, scope, 6)).toEqual(unknown(6));
      expect(cancelledIds(registry, scope, 0)).toEqual(unknown(0));
    }
    expect(registry.size).toBe(4);
  });

  it('reaches thousands of children', () => {
    const registry = registryWith(op(1));
    for (let id = 2; id <= 200_000; id++) registry.register(op(id, 1));
    const outcome = registry.cancel(CancelScope.Subtree, 1);
    expect('cancelled' in outcome && outcome.cancelled.length).toBe(200_000);
  });
});

describe('children whose parent ends', () => {
  it('go over to the parent above, so that cancelling a subtree reaches them', () => {
    const child = op(3, 2);
    const registry = registryWith(op(1), op(2, 1), child);
    registry.transition(2, Failed);
    expect(child.parentOperationId).toBe(1);
    expect(cancelledIds(registry, CancelScope.Subtree, 1)).toEqual([1, 3]);
    expect(bookkeeping(registry)).toEqual([0, 0]);
  });

  it('stand alone when nobody above lives', () => {
    const registry = registryWith(op(1), op(2, 1));
    registry.transition(1, Failed);
    expect(bookkeeping(registry)).toEqual([0, 0]);
    expect(cancelledIds(registry, CancelScope.Subtree, 1)).toEqual([]);
    expect(cancelledIds(registry, CancelScope.Operation, 2)).toEqual([2]);
  });

  it('go over several who are cancelled at once, in whatever order of ids', () => {
    for (const [middle, lower] of [
      [2, 3],
      [3, 2],
    ] as const) {
      const child = op(9, lower);
      const registry = registryWith(op(1), op(middle, 1, 5), op(lower, middle, 5), child);
      expect(cancelledIds(registry, CancelScope.Group, middle)).toEqual([2, 3]);
      expect(child.parentOperationId).toBe(1);
      expect(cancelledIds(registry, CancelScope.Subtree, 1)).toEqual([1, 9]);
      expect(bookkeeping(registry)).toEqual([0, 0]);
    }
  });
});

describe('endAll', () => {
  it('ends every operation whatever its state, by ascending id', () => {
    const records = [op(4), op(2, 4, 1), op(3)];
    const registry = registryWith(...records);
    registry.transition(2, Running);
    registry.transition(3, Running);
    registry.transition(3, WaitingTool);
    expect(registry.endAll(Superseded).map(({ operationId }) => operationId)).toEqual([2, 3, 4]);
    expect(records.map(({ state }) => state)).toEqual([Superseded, Superseded, Superseded]);
    expect([registry.size, bookkeeping(registry), registry.wasUsed(3)]).toEqual([0, [0, 0], true]);
  });

  it('refuses a state that does not end an operation from anywhere', () => {
    const registry = registryWith(op(1));
    for (const state of [Accepted, Running, Partial, WaitingTool, Completed]) {
      expect(() => registry.endAll(state)).toThrow(RangeError);
    }
    expect(registry.size).toBe(1);
  });
});

describe('memory', () => {
  it('stays bounded over 100,000 frames with parents and groups', () => {
    const registry = watchedRegistry(1);
    for (let id = 1; id <= 100_000; id++) {
      // Each frame is the child of the one before, which ends while this one lives.
      const record = op(id, id === 1 ? undefined : id - 1, id);
      if (registry.register(record) !== undefined) throw new Error(`frame ${id}`);
      registry.advance(record, Running);
      registry.transition(id - 1, Completed);
    }
    expect([registry.size, bookkeeping(registry), registry.highestId]).toEqual([1, [0, 1], 100_000]);
    expect(keptBy(registry).ids.scatteredCount).toBe(0);
  });
});

describe('describeOperationFault', () => {
  it('names states and ids', () => {
    expect(describeOperationFault({ kind: 'invalid_operation_transition', from: WaitingTool, to: Partial })).toBe(
      'an operation cannot go from waiting_tool to partial',
    );
    expect(describeOperationFault({ kind: 'unknown_operation', operationId: 3 })).toBe('operation 3 is not known');
    expect(describeOperationFault({ kind: 'operation_already_exists', operationId: 3 })).toContain('3');
    expect(describeOperationFault({ kind: 'invalid_operation_relationship', rule: 'why' })).toBe('why');
  });
});

describe('relate', () => {
  it('puts an operation under another, or into a group, for cancels that come later', () => {
    const [one, two, three] = [op(1), op(2), op(3)];
    const registry = registryWith(one, two, three);
    expect(registry.relate(two, 1)).toBeUndefined();
    expect(registry.relate(three, 2, 9)).toBeUndefined();
    expect(registry.relate(one, undefined, 9)).toBeUndefined();
    expect([two.parentOperationId, three.parentOperationId, three.operationGroupId]).toEqual([1, 2, 9]);
    expect(cancelledIds(registry, CancelScope.Group, 1)).toEqual([1, 3]);
    expect(cancelledIds(registry, CancelScope.Subtree, 2)).toEqual([2]);
    expect(bookkeeping(registry)).toEqual([0, 0]);
  });

  it('moves an operation from one parent and group to another', () => {
    const [one, two, three] = [op(1), op(2), op(3, 1, 5)];
    const registry = registryWith(one, two, three);
    expect(registry.relate(three, 2, 6)).toBeUndefined();
    expect(cancelledIds(registry, CancelScope.Subtree, 1)).toEqual([1]);
    expect(registry.get(3)).toBe(three);
    expect(cancelledIds(registry, CancelScope.Subtree, 2)).toEqual([2, 3]);
    expect(bookkeeping(registry)).toEqual([0, 0]);
  });

  it('refuses what cannot be, and changes nothing: circles, group 0, unknown parents, operations that have ended', () => {
    const [one, two, three] = [op(1), op(2, 1), op(3, 2)];
    const registry = registryWith(one, two, three);
    const circle = relationship('an operation cannot be its own parent');
    expect(registry.relate(one, 1)).toEqual(circle);
    expect(registry.relate(one, 3, 4)).toEqual(circle);
    expect(registry.relate(three, 77)).toEqual(unknown(77));
    expect(registry.relate(three, 1, 0)).toEqual(relationship('a group needs an id other than 0'));
    expect([one.operationGroupId, three.parentOperationId]).toEqual([undefined, 2]);
    registry.advance(one, Cancelled);
    expect(registry.relate(one, 2)).toEqual(unknown(1));
    // A parent that has ended: the operation stands alone.
    expect(registry.relate(three, 1)).toBeUndefined();
    expect(cancelledIds(registry, CancelScope.Subtree, 2)).toEqual([2]);
    expect(registry.has(3)).toBe(true);
  });
});
