import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CloseStatus, OperationState, SessionStatus } from '../src/generated/preview3/enums.js';
import { OperationStateName } from '../src/generated/preview3/names.js';
import {
  ConnectionLifecycle,
  type ConnectionState,
  canAdvance,
  isTerminal,
  OPERATION_TRANSITIONS,
  OperationRecord,
  OperationRegistry,
  SessionLifecycle,
  type SessionState,
} from '../src/index.js';

/*
 * Every state and every input of the machines, against the golden tables of spec/preview3/vectors.json. Where this
 * implementation differs on purpose, the difference stands here.
 */

interface MachineVectors {
  readonly operation: { readonly states: string[]; readonly terminal: number[]; readonly legal: [number, number][] };
  readonly session: {
    readonly states: SessionState[];
    readonly accepts_new_operations: SessionState[];
    readonly accepts_session_messages: SessionState[];
    readonly session_close: { readonly from: SessionState[]; readonly to: SessionState };
    readonly session_close_ack: { readonly from: SessionState[] } & Record<keyof typeof STATUSES, SessionState>;
  };
  readonly connection: {
    readonly states: ConnectionState[];
    readonly close: {
      readonly from: ConnectionState[];
      readonly to: ConnectionState;
      readonly sessions_become: SessionState;
    };
  };
}
const STATUSES = {
  acknowledged: CloseStatus.Acknowledged,
  draining: CloseStatus.Draining,
  closed: CloseStatus.Closed,
  rejected: CloseStatus.Rejected,
} as const;

const vectors = JSON.parse(readFileSync(new URL('../../../spec/preview3/vectors.json', import.meta.url), 'utf8'))
  .state_machines as MachineVectors;

describe('operation table', () => {
  const states = Object.values(OperationState);
  const isLegal = (from: number, to: number) =>
    vectors.operation.legal.some(([one, other]) => one === from && other === to);
  /** The shortest way into each state. */
  const ways: Readonly<Record<OperationState, readonly OperationState[]>> = [
    [],
    [1],
    [1, 2],
    [1, 3],
    [4],
    [5],
    [6],
    [1, 7],
  ] as unknown as Record<OperationState, readonly OperationState[]>;

  it('names its states as the wire does', () => {
    expect(Object.values(OperationStateName)).toEqual(vectors.operation.states);
    expect(states.filter(isTerminal)).toEqual(vectors.operation.terminal);
  });

  it('has the 20 legal pairs and no other', () => {
    const pairs = states.flatMap((from) => OPERATION_TRANSITIONS[from].map((to) => [from, to]));
    expect(pairs).toHaveLength(20);
    expect(pairs).toEqual(vectors.operation.legal);
  });

  it('decides every pair in the registry as the vectors do', () => {
    for (const from of states) {
      for (const to of states) {
        expect(canAdvance(from, to)).toBe(isLegal(from, to));
        const registry = new OperationRegistry(1);
        const record = new OperationRecord(1);
        registry.register(record);
        for (const state of ways[from]) expect(registry.advance(record, state)).toBeUndefined();
        expect(record.state).toBe(from);
        const expected = isLegal(from, to) ? undefined : { kind: 'invalid_operation_transition', from, to };
        expect(registry.advance(record, to)).toEqual(expected);
        const reached = isLegal(from, to) ? to : from;
        expect([record.state, registry.has(1)]).toEqual([reached, !isTerminal(reached)]);
      }
    }
  });
});

/** A session in each state, with the state in which its close was asked for. */
function sessions(): { session: SessionLifecycle; before: SessionState }[] {
  const made: { session: SessionLifecycle; before: SessionState }[] = [];
  for (const before of ['open', 'resumed'] as const) {
    for (const statuses of [undefined, [], [CloseStatus.Draining], [CloseStatus.Closed]]) {
      const session = new SessionLifecycle(1, before);
      if (statuses !== undefined) session.closeRequested();
      for (const status of statuses ?? []) session.closeAnswered(status);
      made.push({ session, before });
    }
  }
  return made;
}

describe('session table', () => {
  const { session: table } = vectors;

  it('reaches every state there is', () => {
    expect(new Set(sessions().map(({ session }) => session.state))).toEqual(new Set(table.states));
  });

  it('takes new operations and messages in the same states as the vectors', () => {
    for (const { session } of sessions()) {
      expect(session.acceptsNewOperations).toBe(table.accepts_new_operations.includes(session.state));
      expect(session.acceptsMessages).toBe(table.accepts_session_messages.includes(session.state));
    }
  });

  it('decides SESSION_CLOSE in every state as the vectors do', () => {
    for (const { session } of sessions()) {
      const from = session.state;
      const taken = table.session_close.from.includes(from);
      expect(session.closeRequested() === undefined).toBe(taken);
      expect(session.state).toBe(taken ? table.session_close.to : from);
    }
  });

  it('decides SESSION_CLOSE_ACK in every state as the vectors do, but for four differences', () => {
    const differences = new Set<string>();
    for (const [name, status] of Object.entries(STATUSES) as [keyof typeof STATUSES, CloseStatus][]) {
      for (const { session, before } of sessions()) {
        const from = session.state;
        const expected = table.session_close_ack.from.includes(from) ? table.session_close_ack[name] : 'refused';
        const outcome = session.closeAnswered(status) === undefined ? session.state : 'refused';
        if (outcome === 'refused') expect(session.state).toBe(from);
        if (outcome === expected) continue;
        if (from === 'open' || from === 'resumed') {
          differences.add('an answer that nobody asked for is refused');
          expect(outcome).toBe('refused');
        } else if (from === 'closing') {
          differences.add('a refused close returns to resumed');
          expect([name, before, outcome]).toEqual(['rejected', 'resumed', 'resumed']);
        } else if (name === 'acknowledged') {
          differences.add('draining does not fall back to closing');
          expect([from, outcome]).toEqual(['draining', 'draining']);
        } else {
          differences.add('a close that was agreed to is not rejected any more');
          expect([from, name, outcome]).toEqual(['draining', 'rejected', 'refused']);
        }
      }
    }
    expect(differences.size).toBe(4);
  });
});

describe('connection table', () => {
  const { connection: table } = vectors;

  it('decides close in every state as the vectors do, and closes the sessions', () => {
    for (const from of table.states) {
      const connection = new ConnectionLifecycle();
      connection.install({
        sessionId: 1,
        sessionStatus: SessionStatus.Opened,
        acceptedProfileId: 2,
        acceptedPriorityClass: 1,
        schemaId: 0,
        schemaVersion: 0,
        grantedOperationCredit: 0,
        maxInFlightOperations: 0,
        leaseTtlMs: 0,
        resumeWindowMs: 0,
        resumeTokenBytes: 0,
        sessionExtensionBytes: 0,
        serverSessionTag: 0n,
        routeScopeId: 0,
        sessionErrorCode: 0,
        sessionFlagsAck: 0,
      });
      const session = connection.get(1);
      if (from === 'closing') connection.beginClose();
      if (from === 'closed') connection.close();
      expect(connection.state).toBe(from);
      const taken = table.close.from.includes(from);
      expect(connection.close() === undefined).toBe(taken);
      expect([connection.state, session?.state]).toEqual([table.close.to, table.close.sessions_become]);
    }
  });
});
