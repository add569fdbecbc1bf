import { describe, expect, it } from 'vitest';
import { CloseStatus, SessionStatus } from '../../generated/preview3/enums.js';
import type { SessionOpenAck } from '../../generated/preview3/session-open-ack.js';
import { ConnectionLifecycle } from './connection-lifecycle.js';

const ack = (sessionId: number, sessionStatus: SessionStatus = SessionStatus.Opened): SessionOpenAck => ({
  sessionId,
  sessionStatus,
  acceptedProfileId: 2,
  acceptedPriorityClass: 1,
  schemaId: 0x1001,
  schemaVersion: 3,
  grantedOperationCredit: 2,
  maxInFlightOperations: 4,
  leaseTtlMs: 30_000,
  resumeWindowMs: 0,
  resumeTokenBytes: 0,
  sessionExtensionBytes: 0,
  serverSessionTag: 0n,
  routeScopeId: 0,
  sessionErrorCode: 0,
  sessionFlagsAck: 0,
});
const fault = (rest: object) => ({ outcome: 'fault', fault: rest });
const life = (rule: string) => ({ kind: 'invalid_combination', rule });

describe('connection lifecycle', () => {
  it('installs what an acknowledgement grants, and nothing that it refuses', () => {
    const connection = new ConnectionLifecycle();
    expect(connection.install(ack(42))).toMatchObject({
      outcome: 'installed',
      session: { sessionId: 42, state: 'open' },
    });
    expect(connection.install(ack(43, SessionStatus.Resumed))).toMatchObject({ session: { state: 'resumed' } });
    expect(connection.install(ack(0, SessionStatus.Rejected))).toEqual({ outcome: 'not_installed' });
    expect(connection.install(ack(0, SessionStatus.RetryLater))).toEqual({ outcome: 'not_installed' });
    expect([...connection].map(({ sessionId }) => sessionId)).toEqual([42, 43]);
    expect([connection.size, connection.get(42)?.state, connection.get(44)]).toEqual([2, 'open', undefined]);
  });

  it('refuses contradicting acknowledgements (LIFE-1, LIFE-2) and an id that is taken', () => {
    const connection = new ConnectionLifecycle();
    expect(connection.install(ack(0))).toEqual(fault(life('LIFE-1')));
    expect(connection.install(ack(0, SessionStatus.Resumed))).toEqual(fault(life('LIFE-1')));
    expect(connection.install(ack(5, SessionStatus.Rejected))).toEqual(fault(life('LIFE-2')));
    expect(connection.install(ack(5, SessionStatus.RetryLater))).toEqual(fault(life('LIFE-2')));
    connection.install(ack(5));
    expect(connection.install(ack(5, SessionStatus.Resumed))).toEqual(
      fault({ kind: 'session_already_exists', sessionId: 5 }),
    );
  });

  it('closes one session and leaves its sibling; the id is free again', () => {
    const connection = new ConnectionLifecycle();
    for (const id of [42, 43]) connection.install(ack(id));
    expect(connection.closeRequested(42)).toBeUndefined();
    expect(connection.closeAnswered(42, CloseStatus.Closed)).toBeUndefined();
    expect([connection.size, connection.get(42), connection.get(43)?.state]).toEqual([1, undefined, 'open']);
    expect(connection.closeRequested(42)).toEqual({ kind: 'unknown_session', sessionId: 42 });
    expect(connection.install(ack(42))).toMatchObject({ outcome: 'installed' });
  });

  it('forgets a session that ends without a close', () => {
    const connection = new ConnectionLifecycle();
    connection.install(ack(1));
    const first = connection.get(1);
    first?.end();
    connection.install(ack(1));
    first?.end();
    expect([connection.size, connection.get(1)?.state]).toEqual([1, 'open']);
  });

  it('refuses closes without a session (LIFE-4, LIFE-6), of unknown sessions, and twice', () => {
    const connection = new ConnectionLifecycle();
    connection.install(ack(1));
    expect(connection.closeRequested(0)).toEqual(life('LIFE-4'));
    expect(connection.closeAnswered(0, CloseStatus.Closed)).toEqual(life('LIFE-6'));
    expect(connection.closeAnswered(2, CloseStatus.Closed)).toEqual({ kind: 'unknown_session', sessionId: 2 });
    expect(connection.closeAnswered(1, CloseStatus.Closed)).toMatchObject({ kind: 'session_not_closing' });
    connection.closeRequested(1);
    expect(connection.closeRequested(1)).toMatchObject({ kind: 'session_not_open', state: 'closing' });
  });

  it('takes no new session while it is closing, and lets the others finish', () => {
    const connection = new ConnectionLifecycle();
    connection.install(ack(1));
    expect(connection.beginClose()).toBeUndefined();
    expect(connection.state).toBe('closing');
    const closing = { kind: 'connection_not_open', state: 'closing' };
    expect(connection.beginClose()).toEqual(closing);
    expect(connection.install(ack(0))).toEqual(fault(closing));
    expect(connection.closeRequested(1)).toBeUndefined();
    expect(connection.closeAnswered(1, CloseStatus.Closed)).toBeUndefined();
  });

  it('closes every session with itself, once', () => {
    for (const closing of [false, true]) {
      const connection = new ConnectionLifecycle();
      for (const id of [1, 2, 3]) connection.install(ack(id));
      const sessions = [...connection];
      connection.closeRequested(2);
      if (closing) connection.beginClose();
      expect(connection.close()).toBeUndefined();
      expect(sessions.map(({ state }) => state)).toEqual(['closed', 'closed', 'closed']);
      expect([connection.state, connection.size]).toEqual(['closed', 0]);
      expect(connection.close()).toEqual({ kind: 'connection_already_closed' });
      const closed = { kind: 'connection_not_open', state: 'closed' };
      expect(connection.beginClose()).toEqual(closed);
      expect(connection.install(ack(1))).toEqual(fault(closed));
      expect(connection.closeRequested(0)).toEqual(closed);
      expect(connection.closeAnswered(1, CloseStatus.Closed)).toEqual(closed);
    }
  });
});
