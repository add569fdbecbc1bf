import { describe, expect, it } from 'vitest';
import { CloseStatus } from '../../generated/preview3/enums.js';
import type { SessionState } from './lifecycle-state.js';
import { SessionLifecycle } from './session-lifecycle.js';
import { describeStateFault } from './state-fault.js';

const { Acknowledged, Draining, Closed, Rejected } = CloseStatus;

describe('session lifecycle', () => {
  it('takes new operations until a close is asked for, and messages until it is closed', () => {
    const session = new SessionLifecycle(1);
    const seen: [SessionState, boolean, boolean][] = [];
    const note = () => seen.push([session.state, session.acceptsNewOperations, session.acceptsMessages]);
    note();
    session.closeRequested();
    note();
    session.closeAnswered(Draining);
    note();
    session.closeAnswered(Closed);
    note();
    expect(seen).toEqual([
      ['open', true, true],
      ['closing', false, true],
      ['draining', false, true],
      ['closed', false, false],
    ]);
    expect(new SessionLifecycle(1, 'resumed').acceptsNewOperations).toBe(true);
  });

  it('returns from a rejected close to the state in which it was asked for', () => {
    for (const state of ['open', 'resumed'] as const) {
      const session = new SessionLifecycle(1, state);
      session.closeRequested();
      expect(session.closeAnswered(Acknowledged)).toBeUndefined();
      expect(session.closeAnswered(Rejected)).toBeUndefined();
      expect(session.state).toBe(state);
      expect(session.closeRequested()).toBeUndefined();
    }
  });

  it('refuses answers that nobody asked for', () => {
    const session = new SessionLifecycle(9, 'resumed');
    for (const status of [Acknowledged, Draining, Closed, Rejected]) {
      expect(session.closeAnswered(status)).toEqual({ kind: 'session_not_closing', sessionId: 9, state: 'resumed' });
    }
    expect(session.state).toBe('resumed');
  });

  it('refuses a second close, and everything once it is closed', () => {
    const session = new SessionLifecycle(9);
    session.closeRequested();
    expect(session.closeRequested()).toEqual({ kind: 'session_not_open', sessionId: 9, state: 'closing' });
    session.closeAnswered(Closed);
    const closed = { kind: 'session_not_open', sessionId: 9, state: 'closed' };
    expect(session.closeRequested()).toEqual(closed);
    expect(session.closeAnswered(Closed)).toEqual(closed);
  });

  it('does not fall back from draining', () => {
    const session = new SessionLifecycle(1);
    session.closeRequested();
    session.closeAnswered(Draining);
    expect(session.closeAnswered(Acknowledged)).toBeUndefined();
    expect(session.state).toBe('draining');
    expect(session.closeAnswered(Rejected)).toMatchObject({ kind: 'session_not_closing', state: 'draining' });
    expect(session.state).toBe('draining');
  });

  it('tells once that it is closed', () => {
    let told = 0;
    const session = new SessionLifecycle(1, 'open', () => told++);
    session.end();
    session.end();
    expect([session.state, told]).toEqual(['closed', 1]);
  });

  it('refuses a status that does not exist', () => {
    const session = new SessionLifecycle(1);
    session.closeRequested();
    expect(session.closeAnswered(4 as CloseStatus)).toMatchObject({ kind: 'session_not_closing' });
  });
});

describe('describeStateFault', () => {
  it('names what matters', () => {
    expect(describeStateFault({ kind: 'connection_not_open', state: 'closing' })).toBe('the connection is closing');
    expect(describeStateFault({ kind: 'connection_already_closed' })).toContain('closed');
    expect(describeStateFault({ kind: 'session_already_exists', sessionId: 4 })).toContain('4');
    expect(describeStateFault({ kind: 'unknown_session', sessionId: 4 })).toContain('4');
    expect(describeStateFault({ kind: 'session_not_open', sessionId: 4, state: 'closing' })).toContain('closing');
    expect(describeStateFault({ kind: 'session_not_closing', sessionId: 4, state: 'open' })).toContain('open');
    expect(describeStateFault({ kind: 'invalid_combination', rule: 'LIFE-4' })).toContain('LIFE-4');
  });
});
