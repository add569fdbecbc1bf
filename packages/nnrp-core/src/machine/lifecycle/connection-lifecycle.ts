import type { CloseStatus } from '../../generated/preview3/enums.js';
import type { SessionOpenAck } from '../../generated/preview3/session-open-ack.js';
import { openAckOutcome } from '../../rules/open-ack.js';
import { IdMap } from '../collections/id-map.js';
import type { ConnectionState } from './lifecycle-state.js';
import { SessionLifecycle } from './session-lifecycle.js';
import type { StateFault } from './state-fault.js';

/** What moves a connection: the decision to end it in good order, and CLOSE or its loss. */
export type ConnectionInput = 'begin_close' | 'close';

/** The table behind {@link ConnectionLifecycle}; a pair that is missing is refused and changes nothing. */
export const CONNECTION_TRANSITIONS: Readonly<
  Record<ConnectionState, Readonly<Partial<Record<ConnectionInput, ConnectionState>>>>
> = /* @__PURE__ */ Object.freeze({
  open: { begin_close: 'closing', close: 'closed' },
  closing: { close: 'closed' },
  closed: {},
});

/** What an open acknowledgement did: a session began, none did, or the acknowledgement is refused. */
export type InstallOutcome =
  | { readonly outcome: 'installed'; readonly session: SessionLifecycle }
  | { readonly outcome: 'not_installed' }
  | { readonly outcome: 'fault'; readonly fault: StateFault };

/**
 * The life of one connection and of the sessions on it. A session that becomes closed, by whatever way, is forgotten at
 * once, and its id can be installed again; closing the connection closes every session.
 *
 * @see NNRP/1-preview3 section 15.2 (LIFE-1 to LIFE-6)
 */
export class ConnectionLifecycle implements Iterable<SessionLifecycle> {
  private current: ConnectionState = 'open';
  private readonly sessions = new IdMap<SessionLifecycle>();

  get state(): ConnectionState {
    return this.current;
  }

  /** Sessions that are not closed. */
  get size(): number {
    return this.sessions.size;
  }

  /** The session, unless it is unknown or closed. */
  get(sessionId: number): SessionLifecycle | undefined {
    return this.sessions.get(sessionId);
  }

  /** The sessions that are not closed, in the order in which they began. */
  [Symbol.iterator](): Iterator<SessionLifecycle> {
    return this.sessions.values();
  }

  /**
   * SESSION_OPEN_ACK, sent or received.
   *
   * @returns a fault when the connection is not open, for LIFE-1 and LIFE-2, and when the id belongs to a session that is
   *   not closed; in this order
   */
  install(ack: SessionOpenAck): InstallOutcome {
    if (this.current !== 'open') return refused({ kind: 'connection_not_open', state: this.current });
    const granted = openAckOutcome(ack);
    // LIFE-1 or LIFE-2: openAckOutcome knows no other fault.
    if (granted.outcome === 'fault') return refused(granted.fault as StateFault);
    if (granted.outcome === 'not_installed') return { outcome: 'not_installed' };
    const { sessionId } = ack;
    if (this.sessions.has(sessionId)) return refused({ kind: 'session_already_exists', sessionId });
    const session = new SessionLifecycle(sessionId, granted.outcome, () => this.sessions.delete(sessionId));
    this.sessions.set(sessionId, session);
    return { outcome: 'installed', session };
  }

  /** SESSION_CLOSE, sent or received. @param sessionId - of the header; 0 is LIFE-4 */
  closeRequested(sessionId: number): StateFault | undefined {
    const found = this.find(sessionId, 'LIFE-4');
    return found.session === undefined ? found.fault : found.session.closeRequested();
  }

  /** SESSION_CLOSE_ACK, sent or received. @param sessionId - of the header; 0 is LIFE-6 */
  closeAnswered(sessionId: number, status: CloseStatus): StateFault | undefined {
    const found = this.find(sessionId, 'LIFE-6');
    return found.session === undefined ? found.fault : found.session.closeAnswered(status);
  }

  /** No session may begin any more; those that are there go on. @returns connection_not_open unless it is open */
  beginClose(): StateFault | undefined {
    return this.step('begin_close') ? undefined : { kind: 'connection_not_open', state: this.current };
  }

  /** CLOSE was sent or received, or the connection is lost: every session is closed with it. */
  close(): StateFault | undefined {
    if (!this.step('close')) return { kind: 'connection_already_closed' };
    for (const session of [...this.sessions.values()]) session.end();
    return undefined;
  }

  private step(input: ConnectionInput): boolean {
    const target = CONNECTION_TRANSITIONS[this.current][input];
    if (target === undefined) return false;
    this.current = target;
    return true;
  }

  private find(
    sessionId: number,
    zeroRule: string,
  ): { session: SessionLifecycle } | { session: undefined; fault: StateFault } {
    if (this.current === 'closed') return missing({ kind: 'connection_not_open', state: 'closed' });
    if (sessionId === 0) return missing({ kind: 'invalid_combination', rule: zeroRule });
    const session = this.sessions.get(sessionId);
    return session === undefined ? missing({ kind: 'unknown_session', sessionId }) : { session };
  }
}

function missing(fault: StateFault): { session: undefined; fault: StateFault } {
  return { session: undefined, fault };
}

function refused(fault: StateFault): InstallOutcome {
  return { outcome: 'fault', fault };
}
