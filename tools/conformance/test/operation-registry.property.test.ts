import fc from 'fast-check';
import { isTerminal, OPERATION_TRANSITIONS } from 'nnrp-core';
import { CancelScope, OperationState } from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import {
  OperationRecord,
  type OperationRegistry,
} from '../../../packages/nnrp-core/src/machine/operation/operation-registry.js';
import { keptBy, watchedRegistry } from '../../../packages/nnrp-core/test/watched-registry.js';
import { runs } from '../src/property-runs.js';

/** One operation of the model, which forgets nothing. */
interface ModelRecord {
  readonly id: number;
  /** The parent, unless it had ended when the operation was registered. */
  readonly parent: number | undefined;
  readonly group: number | undefined;
  state: OperationState;
}

/** The registry as its documents describe it, with searches instead of bookkeeping. */
class Model {
  private readonly all = new Map<number, ModelRecord>();

  get live(): number[] {
    return this.select(() => true);
  }

  register(id: number, parent: number | undefined, group: number | undefined): string | undefined {
    if (id === 0 || parent === id || group === 0) return 'invalid_operation_relationship';
    if (this.all.has(id)) return 'operation_already_exists';
    if (parent !== undefined && !this.all.has(parent)) return 'unknown_operation';
    const link = parent !== undefined && this.isLive(parent) ? parent : undefined;
    this.all.set(id, { id, parent: link, group, state: OperationState.Accepted });
    return undefined;
  }

  transition(id: number, to: OperationState): string | undefined {
    const record = this.all.get(id);
    if (record === undefined || isTerminal(record.state)) return 'unknown_operation';
    if (!OPERATION_TRANSITIONS[record.state].includes(to)) return 'invalid_operation_transition';
    record.state = to;
    return undefined;
  }

  cancel(scope: CancelScope, id: number): number[] | string {
    if (scope === CancelScope.Session) return this.end(this.live);
    const target = this.all.get(id);
    if (target === undefined) return 'unknown_operation';
    if (isTerminal(target.state)) return [];
    if (scope === CancelScope.Operation) return this.end([id]);
    if (scope === CancelScope.Subtree) return this.end(this.select((record) => this.isBelow(record, id)));
    if (target.group === undefined) return 'invalid_operation_relationship';
    return this.end(this.select(({ group }) => group === target.group));
  }

  private isLive(id: number): boolean {
    const record = this.all.get(id);
    return record !== undefined && !isTerminal(record.state);
  }

  /** Whether the way up, over the living and the dead, meets the target. */
  private isBelow(record: ModelRecord, target: number): boolean {
    for (let at: ModelRecord | undefined = record; at !== undefined; at = this.all.get(at.parent ?? 0)) {
      if (at.id === target) return true;
    }
    return false;
  }

  private select(wanted: (record: ModelRecord) => boolean): number[] {
    const found = [...this.all.values()].filter((record) => !isTerminal(record.state) && wanted(record));
    return found.map(({ id }) => id).sort((one, other) => one - other);
  }

  private end(ids: number[]): number[] {
    for (const record of this.all.values()) if (ids.includes(record.id)) record.state = OperationState.Cancelled;
    return ids;
  }
}

/** Entries that the registry keeps beside the records themselves, for parents and groups. */
function bookkeeping(registry: OperationRegistry): number {
  const { children, groups } = keptBy(registry);
  let entries = 0;
  for (const group of [...children.values(), ...groups.values()]) entries += 1 + group.size;
  return entries;
}

const id = fc.integer({ min: 0, max: 14 });
const group = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('register' as const),
      id,
      parent: fc.option(id, { nil: undefined }),
      group,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('transition' as const),
      id,
      to: fc.constantFrom(...Object.values(OperationState)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('cancel' as const),
      id,
      scope: fc.constantFrom(...Object.values(CancelScope)),
    }),
  },
);

describe('operation registry', () => {
  it('does what a naive model does, step by step', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const registry = watchedRegistry(1);
        const model = new Model();
        for (const one of steps) {
          if (one.does === 'register') {
            const fault = registry.register(new OperationRecord(one.id, one.parent, one.group));
            expect(fault?.kind).toBe(model.register(one.id, one.parent, one.group));
          } else if (one.does === 'transition') {
            expect(registry.transition(one.id, one.to)?.kind).toBe(model.transition(one.id, one.to));
          } else {
            const outcome = registry.cancel(one.scope, one.id);
            const ids = 'fault' in outcome ? outcome.fault.kind : outcome.cancelled.map((record) => record.operationId);
            expect(ids).toEqual(model.cancel(one.scope, one.id));
          }
          const live = [...registry].map((record) => record.operationId).sort((a, b) => a - b);
          expect(live).toEqual(model.live);
          expect(registry.size).toBe(live.length);
        }
        // Whatever has happened, nothing is kept for what has ended.
        registry.endAll(OperationState.Failed);
        expect([registry.size, bookkeeping(registry)]).toEqual([0, 0]);
      }),
      runs(2000),
    );
  });

  it('keeps nothing for operations that end one by one, in any order', () => {
    const forest = fc.array(fc.record({ parent: fc.nat(), group: fc.nat({ max: 3 }), rank: fc.nat() }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(forest, (nodes) => {
        const registry = watchedRegistry(1);
        const records = nodes.map(({ parent, group: groupId }, index) => {
          const parentId = index === 0 ? undefined : (parent % index) + 1;
          return new OperationRecord(index + 1, parentId, groupId === 0 ? undefined : groupId);
        });
        for (const record of records) expect(registry.register(record)).toBeUndefined();
        const order = records.map((record, index) => ({ record, rank: nodes[index]?.rank ?? 0 }));
        order.sort((one, other) => one.rank - other.rank);
        for (const { record } of order) {
          expect(registry.advance(record, OperationState.Superseded)).toBeUndefined();
        }
        expect([registry.size, bookkeeping(registry)]).toEqual([0, 0]);
      }),
      runs(500),
    );
  });

  it('holds its memory bounded over 100,000 frames that come and go', () => {
    const registry = watchedRegistry(1);
    const inFlight: OperationRecord[] = [];
    for (let frame = 1; frame <= 100_000; frame++) {
      const record = new OperationRecord(frame, inFlight.at(-1)?.operationId, (frame % 5) + 1);
      expect(registry.register(record)).toBeUndefined();
      inFlight.push(record);
      if (inFlight.length <= 8) continue;
      const ended = inFlight.splice(frame % 8, 1)[0];
      if (ended !== undefined) registry.advance(ended, OperationState.Failed);
    }
    expect([registry.size, keptBy(registry).ids.scatteredCount]).toEqual([8, 0]);
    // Eight children and eight members of groups at most, each perhaps alone in its set.
    expect(bookkeeping(registry)).toBeLessThanOrEqual(32);
  });
});
