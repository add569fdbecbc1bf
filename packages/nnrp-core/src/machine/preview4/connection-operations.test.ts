import { describe, expect, it } from 'vitest';
import { CancelScope, OperationState } from '../../generated/preview3/enums.js';
import { MessageType } from '../../generated/preview4/enums.js';
import { SchedulingFlags } from '../../generated/preview4/flags.js';
import { ConnectionOperations } from './connection-operations.js';

const HIGH = 0xffff_ffff_ffff_fffen;

function registered(...ids: readonly bigint[]): ConnectionOperations {
  const operations = new ConnectionOperations(2);
  for (const operationId of ids) expect(operations.register({ operationId, sessionId: 7 })).toBeUndefined();
  return operations;
}

function expiry(operationId: bigint, deadlineUnixMs: bigint, flags: number) {
  return { operationId, controlSequence: 1n, priorityClass: 0, priorityDelta: 0, deadlineUnixMs, flags };
}

describe('the operations of a connection', () => {
  it('keep the newest that have ended, and forget the others', () => {
    const operations = registered(1n, 2n, 3n, HIGH);
    for (const id of [1n, 2n, 3n]) expect(operations.complete(id)).toBeUndefined();
    expect(operations.complete(1n)).toEqual({ kind: 'unknown_operation', operationId: 1n });
    expect([1n, 2n, 3n, HIGH].map((id) => operations.state(id))).toEqual([
      undefined,
      OperationState.Completed,
      OperationState.Completed,
      OperationState.Accepted,
    ]);
    expect(operations.register({ operationId: 2n, sessionId: 7 })).toEqual({
      kind: 'operation_already_exists',
      operationId: 2n,
    });
  });

  it('are cancelled by group over sessions, by subtree through what has ended, and told in ascending order', () => {
    const operations = new ConnectionOperations();
    operations.register({ operationId: HIGH, sessionId: 7, operationGroupId: 5n });
    operations.register({ operationId: 2n, sessionId: 8, operationGroupId: 5n });
    operations.register({ operationId: 3n, sessionId: 7, parentOperationId: HIGH });
    operations.register({ operationId: 4n, sessionId: 7, parentOperationId: 3n });
    operations.complete(3n);
    expect(operations.cancel(7, HIGH, CancelScope.Subtree)).toEqual({ cancelled: [4n, HIGH] });
    expect(operations.cancel(7, HIGH, CancelScope.Group)).toEqual({ cancelled: [2n] });
    expect(operations.cancel(7, HIGH, CancelScope.Session)).toEqual({ cancelled: [] });
    expect(operations.get(4n)).toMatchObject({ parentOperationId: 3n, state: OperationState.Cancelled });
  });

  it('expire by EXPIRE_AT that discards what is stale, once, and not before', () => {
    const operations = registered(1n, 2n);
    operations.schedule(7, MessageType.ExpireAt, expiry(1n, 50n, SchedulingFlags.DiscardStale));
    operations.schedule(7, MessageType.ExpireAt, expiry(2n, 50n, SchedulingFlags.EmitDropReason));
    expect([49n, 50n, 51n].map((now) => operations.expire(1n, now))).toEqual([false, true, false]);
    expect(operations.expire(2n, 51n)).toBe(false);
    expect(operations.state(1n)).toBe(OperationState.Superseded);
    expect(operations.expire(9n, 51n)).toEqual({ kind: 'unknown_operation', operationId: 9n });
  });

  it('go with their session, and no others do', () => {
    const operations = registered(1n, 2n);
    operations.register({ operationId: 3n, sessionId: 8 });
    operations.complete(2n);
    operations.forgetSession(7);
    expect([operations.size, operations.state(3n)]).toEqual([1, OperationState.Accepted]);
  });

  it('are not changed through what is shown of them', () => {
    const operations = registered(1n);
    Reflect.set(operations.get(1n) ?? {}, 'state', OperationState.Completed);
    expect(operations.state(1n)).toBe(OperationState.Accepted);
    expect(() => new ConnectionOperations(-1)).toThrow('maxEnded takes a whole number from 0, got -1');
  });
});
