import fc from 'fast-check';
import { ConnectionLifecycle, type SessionLifecycle } from 'nnrp-core';
import { CloseStatus, type SessionOpenAck, SessionStatus } from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { runs } from '../src/property-runs.js';

interface ModelSession {
  state: string;
  before: string;
}

/** The rules of connections and sessions, written down once more, as one condition after the other. */
class Model {
  connection = 'open';
  readonly sessions = new Map<number, ModelSession>();

  install(sessionId: number, status: SessionStatus): string {
    if (this.connection !== 'open') return 'connection_not_open';
    const granted = status === SessionStatus.Opened || status === SessionStatus.Resumed;
    if (granted && sessionId === 0) return 'LIFE-1';
    if (!granted) return sessionId === 0 ? 'nothing' : 'LIFE-2';
    if (this.sessions.has(sessionId)) return 'session_already_exists';
    const state = status === SessionStatus.Resumed ? 'resumed' : 'open';
    this.sessions.set(sessionId, { state, before: state });
    return 'done';
  }

  closeRequested(sessionId: number): string {
    const session = this.find(sessionId, 'LIFE-4');
    if (typeof session === 'string') return session;
    if (session.state !== 'open' && session.state !== 'resumed') return 'session_not_open';
    session.state = 'closing';
    return 'done';
  }

  closeAnswered(sessionId: number, status: CloseStatus): string {
    const session = this.find(sessionId, 'LIFE-6');
    if (typeof session === 'string') return session;
    if (session.state !== 'closing' && session.state !== 'draining') return 'session_not_closing';
    if (status === CloseStatus.Rejected && session.state === 'draining') return 'session_not_closing';
    if (status === CloseStatus.Draining) session.state = 'draining';
    if (status === CloseStatus.Closed) this.sessions.delete(sessionId);
    if (status === CloseStatus.Rejected) session.state = session.before;
    return 'done';
  }

  end(sessionId: number): string {
    this.sessions.delete(sessionId);
    return 'done';
  }

  beginClose(): string {
    if (this.connection !== 'open') return 'connection_not_open';
    this.connection = 'closing';
    return 'done';
  }

  close(): string {
    if (this.connection === 'closed') return 'connection_already_closed';
    this.connection = 'closed';
    this.sessions.clear();
    return 'done';
  }

  private find(sessionId: number, rule: string): ModelSession | string {
    if (this.connection === 'closed') return 'connection_not_open';
    if (sessionId === 0) return rule;
    return this.sessions.get(sessionId) ?? 'unknown_session';
  }
}

const ack = (sessionId: number, sessionStatus: SessionStatus): SessionOpenAck => ({
  sessionId,
  sessionStatus,
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

const id = fc.integer({ min: 0, max: 3 });
const status = fc.constantFrom(...Object.values(CloseStatus));
const granted = fc.constantFrom(SessionStatus.Opened, SessionStatus.Resumed);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('install' as const), id, status: granted }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('install' as const),
      id,
      status: fc.constantFrom(...Object.values(SessionStatus)),
    }),
  },
  { weight: 8, arbitrary: fc.record({ does: fc.constant('closeRequested' as const), id }) },
  { weight: 8, arbitrary: fc.record({ does: fc.constant('closeAnswered' as const), id, answer: status }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('end' as const), id }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('beginClose' as const, 'close' as const) }) },
);

/** The name of a fault, of the rule behind it, or `done`. */
function named(fault: { kind: string; rule?: string } | undefined): string {
  return fault === undefined ? 'done' : (fault.rule ?? fault.kind);
}

describe('connection and session lifecycles', () => {
  it('do what a naive model does, step by step', () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const connection = new ConnectionLifecycle();
        const model = new Model();
        const everMade: SessionLifecycle[] = [];
        for (const one of steps) {
          if (one.does === 'install') {
            const outcome = connection.install(ack(one.id, one.status));
            const expected = model.install(one.id, one.status);
            if (outcome.outcome === 'installed') everMade.push(outcome.session);
            expect(outcome.outcome === 'fault' ? named(outcome.fault) : outcome.outcome).toBe(
              expected === 'done' ? 'installed' : expected === 'nothing' ? 'not_installed' : expected,
            );
            reached.add(expected);
          } else if (one.does === 'closeRequested') {
            expect(named(connection.closeRequested(one.id))).toBe(model.closeRequested(one.id));
          } else if (one.does === 'closeAnswered') {
            const expected = model.closeAnswered(one.id, one.answer);
            expect(named(connection.closeAnswered(one.id, one.answer))).toBe(expected);
            reached.add(expected);
          } else if (one.does === 'end') {
            connection.get(one.id)?.end();
            model.end(one.id);
          } else {
            expect(named(connection[one.does]())).toBe(model[one.does]());
          }
          expect(connection.state).toBe(model.connection);
          expect([...connection].map(({ sessionId, state }) => [sessionId, state])).toEqual(
            [...model.sessions].map(([sessionId, { state }]) => [sessionId, state]),
          );
          for (const session of everMade) {
            const isLive = connection.get(session.sessionId) === session;
            expect(session.state === 'closed').toBe(!isLive);
            reached.add(session.state);
          }
        }
      }),
      runs(2000),
    );
    // Otherwise the inputs would have to be made better.
    for (const name of [
      'resumed',
      'draining',
      'closed',
      'session_already_exists',
      'session_not_closing',
      'LIFE-1',
      'LIFE-2',
    ]) {
      expect(reached).toContain(name);
    }
  });
});
