import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { isPartial } from '../../src/connection/body/result-kind.js';

const { CloseStatus, MessageType } = preview3;
const AT = preview3.RESULT_PUSH_OFFSETS;

/** What came for one frame. */
export interface FrameAnswers {
  partials: number;
  /** Results that are not partial, and drops. */
  results: number;
  drops: number;
}

/** What came for one session, from its SESSION_OPEN_ACK on. */
export class SessionLedger {
  readonly frames = new Map<number, FrameAnswers>();
  patchAcks = 0;
  draining = false;
  /** The server has confirmed our close. */
  closeAcked = false;
  /** The server has closed the session itself. */
  closedByServer = false;
  newestEpoch = 0;

  frame(frameId: number): FrameAnswers {
    const known = this.frames.get(frameId);
    if (known !== undefined) return known;
    const fresh = { partials: 0, results: 0, drops: 0 };
    this.frames.set(frameId, fresh);
    return fresh;
  }
}

/**
 * Every packet that a bare peer received, entered in the order of arrival. What no server may send, whatever the peer
 * has done, is noted as a breach.
 */
export class PacketLedger {
  readonly breaches: string[] = [];
  readonly sessions = new Map<number, SessionLedger>();
  readonly opened: number[] = [];
  pongs = 0;
  errors = 0;
  /** Frames that an ERROR spoke of, as SESSION:FRAME. */
  readonly frameErrors = new Map<string, number>();
  closed = false;

  enter(packet: Packet): void {
    const { sessionId, frameId, messageType, view, metadataStart } = packet;
    if (this.closed) this.breach(packet, 'after CLOSE');
    const session = this.sessions.get(sessionId);
    switch (messageType) {
      case MessageType.SessionOpenAck:
        this.sessions.set(sessionId, new SessionLedger());
        this.opened.push(sessionId);
        break;
      case MessageType.ResultPush: {
        const partial = isPartial(
          view.getUint8(metadataStart + AT.resultClass),
          view.getUint16(metadataStart + AT.resultFlags, true),
        );
        this.result(packet, session, partial);
        break;
      }
      case MessageType.ResultDrop:
        // A submit to a session that is over is dropped too, so a drop alone may come late.
        if (session !== undefined) session.frame(frameId).drops++;
        break;
      case MessageType.SessionPatchAck:
        if (session === undefined || session.closeAcked) this.breach(packet, 'for a session that is over');
        else session.patchAcks++;
        break;
      case MessageType.FlowUpdate:
        this.flow(packet, session);
        break;
      case MessageType.SessionCloseAck:
        this.closeAck(packet, session);
        break;
      case MessageType.SessionClose:
        if (session === undefined || session.closeAcked) this.breach(packet, 'for a session that is over');
        else session.closedByServer = true;
        break;
      case MessageType.Error: {
        this.errors++;
        const key = `${sessionId}:${frameId}`;
        this.frameErrors.set(key, (this.frameErrors.get(key) ?? 0) + 1);
        break;
      }
      case MessageType.Pong:
        this.pongs++;
        break;
      case MessageType.Close:
        this.closed = true;
        break;
      default:
        this.breach(packet, 'unasked');
    }
  }

  private result(packet: Packet, session: SessionLedger | undefined, partial: boolean): void {
    if (session === undefined || session.closeAcked || session.closedByServer) {
      this.breach(packet, 'a result for a session that is over');
      return;
    }
    const frame = session.frame(packet.frameId);
    if (frame.results + frame.drops > 0) this.breach(packet, 'a result after the terminal answer');
    if (partial) frame.partials++;
    else frame.results++;
  }

  private closeAck(packet: Packet, session: SessionLedger | undefined): void {
    if (session === undefined || session.closeAcked) {
      this.breach(packet, 'a second SESSION_CLOSE_ACK');
      return;
    }
    const { closeStatus } = preview3.decodeSessionCloseAck(packet.view, packet.metadataStart);
    if (closeStatus === CloseStatus.Closed) session.closeAcked = true;
    else if (closeStatus === CloseStatus.Draining) session.draining = true;
    else this.breach(packet, `close status ${closeStatus}`);
  }

  private flow(packet: Packet, session: SessionLedger | undefined): void {
    const update = preview3.decodeFlowUpdate(packet.view, packet.metadataStart);
    if (update.scopeKind !== preview3.ScopeKind.Session) return;
    if (session === undefined || session.closeAcked) this.breach(packet, 'for a session that is over');
    else if (update.creditEpoch <= session.newestEpoch) this.breach(packet, `epoch ${update.creditEpoch} is not new`);
    else session.newestEpoch = update.creditEpoch;
  }

  private breach({ messageType, sessionId, frameId }: Packet, what: string): void {
    this.breaches.push(`message ${messageType}, session ${sessionId}, frame ${frameId}: ${what}`);
  }
}
