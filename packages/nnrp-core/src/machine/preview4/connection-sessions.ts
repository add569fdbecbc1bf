import { ScopeKind } from '../../generated/preview3/enums.js';
import { FLOW_UPDATE_OFFSETS } from '../../generated/preview3/flow-update.js';
import { decodeSessionCloseAck } from '../../generated/preview3/session-close-ack.js';
import { decodeSessionOpenAck } from '../../generated/preview3/session-open-ack.js';
import { CloseStatus, MessageType } from '../../generated/preview4/enums.js';
import type { Packet } from '../../packet/packet.js';
import { checkFlowUpdateScope } from '../../rules/flow.js';
import { openAckOutcome } from '../../rules/open-ack.js';
import type { SessionState } from '../lifecycle/lifecycle-state.js';
import type { StateFault } from '../lifecycle/state-fault.js';

/** A session of the reference is never suspended: it ends with its connection. */
export type ConnectedSessionState = Exclude<SessionState, 'suspended'>;

interface Session {
  state: ConnectedSessionState;
  readonly established: 'open' | 'resumed';
}

/** Sessions that are closed and still known. */
const MAX_CLOSED = 4096;

/**
 * The sessions of a connection as its packets move them, sent or received. A session that is closed stays known, and its id
 * is not used again on the connection; of more than `maxClosed` the oldest are forgotten. {@link ConnectionLifecycle} is the
 * stricter one that the runtime uses: it refuses an acknowledgement of a close that was not sent.
 *
 * @see NNRP/1-preview4 section 15.2 (LIFE-1 to LIFE-6)
 */
export class ConnectionSessions {
  private readonly sessions = new Map<number, Session>();
  private readonly closedIds = new Set<number>();
  private isOpen = true;

  /** @param maxClosed - closed sessions that stay known, from 0 */
  constructor(private readonly maxClosed: number = MAX_CLOSED) {
    if (!Number.isInteger(maxClosed) || maxClosed < 0) {
      throw new RangeError(`maxClosed takes a whole number from 0, got ${maxClosed}`);
    }
  }

  /** Where the session stands; undefined when it is not known. */
  state(sessionId: number): ConnectedSessionState | undefined {
    return this.sessions.get(sessionId)?.state;
  }

  /** Each session that is known and where it stands, in the order in which they began. */
  *[Symbol.iterator](): Iterator<[sessionId: number, state: ConnectedSessionState]> {
    for (const [sessionId, { state }] of this.sessions) yield [sessionId, state];
  }

  /**
   * SESSION_OPEN_ACK.
   * @param packet - a whole one, as decodePacket returns it
   * @returns the first fault: the connection is closed, LIFE-1, LIFE-2, the id is known
   * @throws WireError when the metadata cannot be read
   */
  openAnswered(packet: Packet): StateFault | undefined {
    if (!this.isOpen) return notOpen();
    const ack = decodeSessionOpenAck(packet.view, packet.metadataStart);
    const granted = openAckOutcome(ack);
    // LIFE-1 or LIFE-2: openAckOutcome knows no other fault.
    if (granted.outcome === 'fault') return granted.fault as StateFault;
    if (granted.outcome === 'not_installed') return undefined;
    const { sessionId } = ack;
    if (this.sessions.has(sessionId)) return { kind: 'session_already_exists', sessionId };
    this.sessions.set(sessionId, { state: granted.outcome, established: granted.outcome });
    return undefined;
  }

  /**
   * SESSION_CLOSE.
   * @returns the first fault: the connection is closed, LIFE-3 another message, LIFE-4 session 0, an unknown session, one that is
   *   neither open nor resumed
   */
  closeRequested(packet: Packet): StateFault | undefined {
    const found = this.find(packet, MessageType.SessionClose, ['LIFE-3', 'LIFE-4']);
    if (found.session === undefined) return found.fault;
    const { state } = found.session;
    if (state !== 'open' && state !== 'resumed') {
      return { kind: 'session_not_open', sessionId: packet.sessionId, state };
    }
    found.session.state = 'closing';
    return undefined;
  }

  /**
   * SESSION_CLOSE_ACK. A rejected close leads back to open or resumed, whichever the session was.
   * @returns the first fault: the connection is closed, LIFE-5 another message, LIFE-6 session 0, an unknown session, a closed one
   * @throws WireError when the metadata cannot be read
   */
  closeAnswered(packet: Packet): StateFault | undefined {
    const found = this.find(packet, MessageType.SessionCloseAck, ['LIFE-5', 'LIFE-6']);
    if (found.session === undefined) return found.fault;
    const { sessionId } = packet;
    if (found.session.state === 'closed') return { kind: 'session_not_open', sessionId, state: 'closed' };
    const { closeStatus } = decodeSessionCloseAck(packet.view, packet.metadataStart);
    if (closeStatus === CloseStatus.Closed) this.close(sessionId, found.session);
    else found.session.state = stateAfter(closeStatus, found.session.established);
    return undefined;
  }

  /**
   * FLOW_UPDATE, which changes nothing here.
   * @returns the first fault: the connection is closed, FLOW-1 another message, FLOW-2 to FLOW-5, and for what is of a session or an
   *   operation an unknown or closed session
   */
  flowUpdated(packet: Packet): StateFault | undefined {
    if (!this.isOpen) return notOpen();
    if (packet.messageType !== MessageType.FlowUpdate) return brokenLife('FLOW-1');
    const { sessionId, view, metadataStart } = packet;
    const rule = checkFlowUpdateScope(sessionId, view, metadataStart);
    if (rule !== undefined) return brokenLife(rule);
    if (view.getUint8(metadataStart + FLOW_UPDATE_OFFSETS.scopeKind) === ScopeKind.Connection) return undefined;
    const state = this.state(sessionId);
    return state === undefined || state === 'closed' ? { kind: 'unknown_session', sessionId } : undefined;
  }

  /** The connection is over, and each of its sessions with it. */
  closeConnection(): StateFault | undefined {
    if (!this.isOpen) return { kind: 'connection_already_closed' };
    this.isOpen = false;
    for (const [sessionId, session] of [...this.sessions]) this.close(sessionId, session);
    return undefined;
  }

  private find(
    packet: Packet,
    messageType: number,
    [otherMessage, noSession]: readonly [string, string],
  ): { session: Session } | { session: undefined; fault: StateFault } {
    if (!this.isOpen) return missing(notOpen());
    if (packet.messageType !== messageType) return missing(brokenLife(otherMessage));
    const { sessionId } = packet;
    if (sessionId === 0) return missing(brokenLife(noSession));
    const session = this.sessions.get(sessionId);
    return session === undefined ? missing({ kind: 'unknown_session', sessionId }) : { session };
  }

  private close(sessionId: number, session: Session): void {
    session.state = 'closed';
    this.closedIds.add(sessionId);
    if (this.closedIds.size <= this.maxClosed) return;
    const [oldest] = this.closedIds;
    if (oldest === undefined) return;
    this.closedIds.delete(oldest);
    this.sessions.delete(oldest);
  }
}

function stateAfter(
  status: Exclude<CloseStatus, typeof CloseStatus.Closed>,
  established: 'open' | 'resumed',
): ConnectedSessionState {
  switch (status) {
    case CloseStatus.Acknowledged:
      return 'closing';
    case CloseStatus.Draining:
      return 'draining';
    case CloseStatus.Rejected:
      return established;
  }
}

function missing(fault: StateFault): { session: undefined; fault: StateFault } {
  return { session: undefined, fault };
}

function notOpen(): StateFault {
  return { kind: 'connection_not_open', state: 'closed' };
}

function brokenLife(rule: string): StateFault {
  return { kind: 'invalid_combination', rule };
}
