import fc from 'fast-check';
import { FlowGate, FlowScope, FlowSender } from 'nnrp-core';
import {
  BackpressureLevel,
  checkFlowUpdate,
  checkFlowUpdateScope,
  decodeFlowUpdate,
  encodeFlowUpdate,
  type FlowUpdate,
  ScopeKind,
  UpdateReason,
} from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { runs } from '../src/property-runs.js';

const { Soft, Hard } = BackpressureLevel;
const { Grant, Pause, Resume } = UpdateReason;

/** A scope as the documents describe it: everything follows from the updates that counted, newest last. */
class ModelScope {
  private readonly counted: { update: FlowUpdate; atMs: number }[] = [];

  constructor(private readonly initialCredit?: number) {}

  apply(update: FlowUpdate, nowMs: number): string {
    const newest = this.newest;
    if (newest === undefined || update.creditEpoch > newest.creditEpoch) {
      this.counted.push({ update, atMs: nowMs });
      return 'applied';
    }
    const same = Object.keys(update).every(
      (key) => update[key as keyof FlowUpdate] === newest[key as keyof FlowUpdate],
    );
    return same ? 'repeated' : 'stale';
  }

  get newest(): FlowUpdate | undefined {
    return this.counted.at(-1)?.update;
  }

  get credit(): number | undefined {
    const last = this.counted.filter(({ update }) => (update.flowFlags & 1) !== 0).at(-1)?.update;
    if (last === undefined) return this.initialCredit;
    return [last.connectionCredit, last.sessionCredit, last.operationCredit][last.scopeKind];
  }

  /** Those since the last grant or resume, that one included. */
  private get sinceRelease(): FlowUpdate[] {
    const updates = this.counted.map(({ update }) => update);
    const releases = updates.map(({ updateReason }) => updateReason === Grant || updateReason === Resume);
    return updates.slice(Math.max(releases.lastIndexOf(true), 0));
  }

  get level(): number {
    if (this.sinceRelease.some(({ backpressureLevel }) => backpressureLevel === Hard)) return Hard;
    return this.newest?.backpressureLevel ?? 0;
  }

  get paused(): boolean {
    return this.sinceRelease.some(({ updateReason }) => updateReason === Pause);
  }

  has(flag: number): boolean {
    return ((this.newest?.flowFlags ?? 0) & flag) !== 0;
  }

  get retryAtMs(): number {
    const last = this.counted.at(-1);
    return last !== undefined && this.has(2) ? last.atMs + last.update.retryAfterMs : 0;
  }
}

/** Why nothing may begin, by trying one rule after the other on both scopes. */
function modelBlock(
  scopes: readonly [connection: ModelScope, session: ModelScope],
  maxInFlight: number,
  inFlight: readonly [connection: number, session: number],
  background: boolean,
  nowMs: number,
): unknown {
  const [connection, session] = scopes;
  if (scopes.some(({ paused }) => paused)) return { reason: 'paused' };
  if (scopes.some(({ level }) => level === Hard)) return { reason: 'hard' };
  if (scopes.some((scope) => scope.has(8))) return { reason: 'drain_in_flight_only' };
  if (!background && scopes.some((scope) => scope.has(4))) return { reason: 'background_only' };
  const retryAtMs = Math.max(connection.retryAtMs, session.retryAtMs);
  if (nowMs < retryAtMs) return { reason: 'retry_after', retryAtMs };
  if (maxInFlight > 0 && inFlight[1] >= maxInFlight) return { reason: 'in_flight_limit' };
  const halve = (window: number, soft: boolean) => (soft && window > 0 ? Math.max(1, Math.floor(window / 2)) : window);
  const limits = [session.credit, maxInFlight > 0 ? maxInFlight : undefined].filter((limit) => limit !== undefined);
  const soft = scopes.map(({ level }) => level === Soft);
  const sessionWindow = halve(Math.min(...limits), soft.includes(true));
  const connectionWindow = halve(connection.credit ?? Number.POSITIVE_INFINITY, soft[0] ?? false);
  return inFlight[1] >= sessionWindow || inFlight[0] >= connectionWindow ? { reason: 'credit' } : undefined;
}

const credit = fc.integer({ min: 0, max: 6 });
const update: fc.Arbitrary<FlowUpdate> = fc.record({
  scopeKind: fc.constantFrom(...Object.values(ScopeKind)),
  updateReason: fc.constantFrom(...Object.values(UpdateReason)),
  backpressureLevel: fc.constantFrom(...Object.values(BackpressureLevel)),
  connectionCredit: credit,
  sessionCredit: credit,
  operationCredit: credit,
  operationId: fc.bigInt({ min: 0n, max: 1n }),
  retryAfterMs: fc.constantFrom(0, 1, 10, 0xffffffff),
  creditEpoch: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constantFrom(0xfffffffe, 0xffffffff)),
  flowFlags: fc.integer({ min: 0, max: 15 }),
});
/** Updates of one scope, some of them sent twice. */
const updates = fc
  .array(fc.tuple(update, fc.boolean()), { maxLength: 10 })
  .map((list) => list.flatMap(([one, twice]) => (twice ? [one, { ...one }] : [one])));

describe('flow scope', () => {
  it('is what follows from the updates that counted', () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(fc.option(credit, { nil: undefined }), updates, (initial, list) => {
        const scope = new FlowScope(initial);
        const model = new ModelScope(initial);
        for (const [index, one] of list.entries()) {
          const outcome = scope.apply(one, 100 * index);
          expect(outcome).toBe(model.apply(one, 100 * index));
          outcomes.add(outcome);
          expect({
            epoch: scope.epoch,
            credit: scope.credit,
            level: scope.level,
            paused: scope.paused,
            backgroundOnly: scope.backgroundOnly,
            drainInFlightOnly: scope.drainInFlightOnly,
            retryAtMs: scope.retryAtMs,
          }).toEqual({
            epoch: model.newest?.creditEpoch ?? 0,
            credit: model.credit,
            level: model.level,
            paused: model.paused,
            backgroundOnly: model.has(4),
            drainInFlightOnly: model.has(8),
            retryAtMs: model.retryAtMs,
          });
        }
      }),
      runs(2000),
    );
    expect(outcomes.size).toBe(3);
  });
});

describe('flow gate', () => {
  it('decides as a model that tries one rule after the other', () => {
    const few = fc.array(update, { maxLength: 3 });
    const count = fc.integer({ min: 0, max: 7 });
    const reasons = new Set<unknown>();
    fc.assert(
      fc.property(
        few,
        few,
        fc.tuple(fc.option(credit, { nil: undefined }), fc.option(credit, { nil: undefined }), count),
        fc.tuple(count, count, fc.boolean(), fc.constantFrom(0, 1, 9, 10, 11)),
        (ofConnection, ofSession, [initialConnection, initialSession, max], [one, other, background, nowMs]) => {
          const scopes = [new FlowScope(initialConnection), new FlowScope(initialSession)] as const;
          const models = [new ModelScope(initialConnection), new ModelScope(initialSession)] as const;
          for (const [index, list] of [ofConnection, ofSession].entries()) {
            for (const each of list) {
              // Mostly without the restrictions that would hide all others.
              const mild =
                each.creditEpoch % 3 === 0 ? each : { ...each, updateReason: Grant, flowFlags: each.flowFlags & 3 };
              scopes[index]?.apply(mild, 0);
              models[index]?.apply(mild, 0);
            }
          }
          const inSession = Math.min(one, other);
          const inConnection = Math.max(one, other);
          const block = new FlowGate(scopes[0], scopes[1], max).blockedBy(inSession, inConnection, background, nowMs);
          expect(block).toEqual(modelBlock(models, max, [inConnection, inSession], background, nowMs));
          reasons.add(block?.reason);
        },
      ),
      runs(4000),
    );
    expect(reasons.size).toBe(8);
  });
});

describe('flow sender', () => {
  it('makes updates that can be written, pass every check and are read back, in one ascending row', () => {
    const fields = fc.record(
      {
        updateReason: fc.constantFrom(...Object.values(UpdateReason)),
        backpressureLevel: fc.constantFrom(...Object.values(BackpressureLevel)),
        credit: fc.integer({ min: 0, max: 0xffff }),
        retryAfterMs: fc.integer({ min: 0, max: 0xffffffff }),
        backgroundOnly: fc.boolean(),
        drainInFlightOnly: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    const view = new DataView(new ArrayBuffer(32));
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(ScopeKind)),
        fc.array(fields, { maxLength: 6 }),
        (scopeKind, list) => {
          const isOperation = scopeKind === ScopeKind.Operation;
          const sender = new FlowSender(scopeKind, isOperation ? 2n ** 64n - 1n : 0n);
          const scope = new FlowScope();
          for (const [index, each] of list.entries()) {
            const made = sender.next(each);
            encodeFlowUpdate(made, view);
            expect(checkFlowUpdate(view)).toBe(-1);
            expect(checkFlowUpdateScope(scopeKind === ScopeKind.Connection ? 0 : 7, view, 0)).toBeUndefined();
            expect(decodeFlowUpdate(view)).toEqual(made);
            expect(made.creditEpoch).toBe(index + 1);
            expect(scope.apply(made, 0)).toBe('applied');
            if (each.credit !== undefined) expect(scope.credit).toBe(each.credit);
            expect(scope.retryAtMs).toBe(each.retryAfterMs ?? 0);
          }
        },
      ),
      runs(500),
    );
  });
});
