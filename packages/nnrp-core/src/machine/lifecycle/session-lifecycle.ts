import { CloseStatus } from '../../generated/preview3/enums.js';
import type { SessionState } from './lifecycle-state.js';
import type { StateFault } from './state-fault.js';

/** What moves a session: SESSION_CLOSE, each status of SESSION_CLOSE_ACK, and the loss of the connection or an error. */
export type SessionInput = 'close' | 'acknowledged' | 'draining' | 'closed' | 'rejected' | 'end';

/** `before` is the state in which the close was asked for. */
export type SessionTarget = SessionState | 'before';

/**
 * The table behind {@link SessionLifecycle}; a pair that is missing is refused and changes nothing.
 *
 * A late `acknowledged` does not take back that the session is draining, and a close that was agreed to can no longer be
 * rejected.
 *
 * @see NNRP/1-preview3 sections 7.5 and 7.6
 */
export const SESSION_TRANSITIONS: Readonly<
  Record<SessionState, Readonly<Partial<Record<SessionInput, SessionTarget>>>>
> = /* @__PURE__ */ Object.freeze({
  open: { close: 'closing', end: 'closed' },
  resumed: { close: 'closing', end: 'closed' },
  closing: { acknowledged: 'closing', draining: 'draining', closed: 'closed', rejected: 'before', end: 'closed' },
  draining: { acknowledged: 'draining', draining: 'draining', closed: 'closed', end: 'closed' },
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

  /**
   * @param sessionId - named in faults
   * @param initial - how it begins, and what it returns to when a close is rejected
   * @param onClosed - called once, when the session becomes closed
   */
  constructor(
    readonly sessionId: number,
    private readonly initial: 'open' | 'resumed' = 'open',
    private readonly onClosed?: (session: SessionLifecycle) => void,
  ) {
    this.current = initial;
  }

  get state(): SessionState {
    return this.current;
  }

  /** Whether work may be submitted: until a close is asked for. */
  get acceptsNewOperations(): boolean {
    return this.current === 'open' || this.current === 'resumed';
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

  private step(input: SessionInput): boolean {
    const target = SESSION_TRANSITIONS[this.current][input];
    if (target === undefined) return false;
    const from = this.current;
    this.current = target === 'before' ? this.initial : target;
    if (this.current === 'closed' && from !== 'closed') this.onClosed?.(this);
    return true;
  }

  private fault(kind: 'session_not_open' | 'session_not_closing'): StateFault {
    return { kind, sessionId: this.sessionId, state: this.current };
  }
}
