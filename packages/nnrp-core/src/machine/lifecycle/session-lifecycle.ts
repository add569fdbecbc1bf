import { CloseStatus } from '../../generated/preview3/enums.js';
import type { SessionState } from './lifecycle-state.js';
import type { StateFault } from './state-fault.js';

/**
 * What moves a session: SESSION_CLOSE, each status of SESSION_CLOSE_ACK, the loss of a connection that it outlives, another
 * connection that it is resumed on, and the end by a loss or an error.
 */
export type SessionInput = 'close' | 'acknowledged' | 'draining' | 'closed' | 'rejected' | 'suspend' | 'resume' | 'end';

/** `before` is the state in which the close was asked for, or in which the connection was lost: `resumed` where that was `open`. */
export type SessionTarget = SessionState | 'before';

/**
 * The table behind {@link SessionLifecycle}; a pair that is missing is refused and changes nothing.
 *
 * What a suspended session says or has been told of its close moves the state that it comes back to, by the row of that
 * state; it stays suspended unless that leads to closed.
 *
 * A late `acknowledged` does not take back that the session is draining, and a close that was agreed to can no longer be
 * rejected.
 *
 * @see NNRP/1-preview3 sections 7.5 and 7.6
 */
export const SESSION_TRANSITIONS: Readonly<
  Record<SessionState, Readonly<Partial<Record<SessionInput, SessionTarget>>>>
> = /* @__PURE__ */ Object.freeze({
  open: { close: 'closing', suspend: 'suspended', end: 'closed' },
  resumed: { close: 'closing', suspend: 'suspended', end: 'closed' },
  closing: {
    acknowledged: 'closing',
    draining: 'draining',
    closed: 'closed',
    rejected: 'before',
    suspend: 'suspended',
    end: 'closed',
  },
  draining: { acknowledged: 'draining', draining: 'draining', closed: 'closed', suspend: 'suspended', end: 'closed' },
  suspended: { resume: 'before', end: 'closed' },
  closed: { end: 'closed' },
});

const INPUTS: Readonly<Record<CloseStatus, SessionInput>> = /* @__PURE__ */ Object.freeze({
  [CloseStatus.Acknowledged]: 'acknowledged',
  [CloseStatus.Draining]: 'draining',
  [CloseStatus.Closed]: 'closed',
  [CloseStatus.Rejected]: 'rejected',
});

/** The life of one session, the same on both sides: a message moves it when it is sent as when it is received. */
export class SessionLifecycle {
  private current: SessionState;
  /** While it is suspended: what it comes back to. */
  private comesBackTo: Exclude<SessionState, 'suspended'> = 'open';

  /**
   * @param sessionId - named in faults
   * @param initial - how it begins, and what it returns to when a close is rejected
   * @param onClosed - called once, when the session becomes closed
   */
  constructor(
    readonly sessionId: number,
    private initial: 'open' | 'resumed' = 'open',
    private readonly onClosed?: (session: SessionLifecycle) => void,
  ) {
    this.current = initial;
  }

  get state(): SessionState {
    return this.current;
  }

  /** Whether work may be submitted: until a close is asked for. */
  get acceptsNewOperations(): boolean {
    const state = this.current === 'suspended' ? this.comesBackTo : this.current;
    return state === 'open' || state === 'resumed';
  }

  get isSuspended(): boolean {
    return this.current === 'suspended';
  }

  /** Whether messages of the session still have a meaning: until it is closed. */
  get acceptsMessages(): boolean {
    return this.current !== 'closed';
  }

  /** SESSION_CLOSE, sent or received. @returns session_not_open unless the session is open or resumed */
  closeRequested(): StateFault | undefined {
    return this.step('close') ? undefined : this.fault('session_not_open');
  }

  /**
   * SESSION_CLOSE_ACK, sent or received. A rejected close leads back to the state in which it was asked for.
   *
   * @returns session_not_open when the session is closed, session_not_closing when no such answer is due
   */
  closeAnswered(status: CloseStatus): StateFault | undefined {
    const input: SessionInput | undefined = INPUTS[status];
    if (input !== undefined && this.step(input)) return undefined;
    return this.fault(this.current === 'closed' ? 'session_not_open' : 'session_not_closing');
  }

  /** Ends the session without more ado: its connection is lost or closed, or a rule was broken. May be called again. */
  end(): void {
    this.step('end');
  }

  /** Its connection is lost, and it outlives that. @returns whether it does: not when it is closed, or suspended already */
  suspend(): boolean {
    if (this.current === 'suspended' || SESSION_TRANSITIONS[this.current].suspend === undefined) return false;
    this.comesBackTo = this.current;
    this.current = 'suspended';
    return true;
  }

  /** It goes on over another connection. @returns false when it was not suspended */
  resume(): boolean {
    if (this.current !== 'suspended') return false;
    this.initial = 'resumed';
    this.current = this.comesBackTo === 'open' ? 'resumed' : this.comesBackTo;
    return true;
  }

  private step(input: SessionInput): boolean {
    const from = this.current;
    const moves = from === 'suspended' && input !== 'end' ? this.comesBackTo : from;
    const target = SESSION_TRANSITIONS[moves][input];
    if (target === undefined) return false;
    const next = target === 'before' ? this.initial : target;
    if (from === 'suspended' && next !== 'closed') {
      this.comesBackTo = next as Exclude<SessionState, 'suspended'>;
      return true;
    }
    this.current = next;
    if (next === 'closed' && from !== 'closed') this.onClosed?.(this);
    return true;
  }

  private fault(kind: 'session_not_open' | 'session_not_closing'): StateFault {
    return { kind, sessionId: this.sessionId, state: this.current };
  }
}
