import { IdSet, type Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { CloseStatus, MessageType } from 'nnrp-core/preview3';
import type { FreeIdsAbove, IdChoice } from '../opening/id-choice.js';

/** Closes remembered until the client confirms them; a client that never does costs no more than this. */
const MAX_REMEMBERED = 1024;

/**
 * What a client may still say in a session that it has closed itself, as long as it has not read the confirmation. Not a
 * submit, which it may not send any more and which needs an answer, nor another close.
 */
const CROSSING: ReadonlySet<number> = new Set([
  MessageType.FrameCancel,
  MessageType.FlowUpdate,
  MessageType.SessionPatch,
  MessageType.SessionMigrate,
  MessageType.CachePut,
  MessageType.CacheInvalidate,
]);

/** Sessions that are over, and for which messages may still come that have crossed the end. */
export class UnconfirmedCloses implements IdChoice {
  /** This side has closed them, without a confirmation yet. Made with the first close. */
  private sessionIds: IdSet | undefined;
  /** The client has closed them: it never says when it has read the confirmation. */
  private closedByClient: IdSet | undefined;
  /** Over preview4, whichever side has ended them. */
  private ended: IdSet | undefined;
  /** The highest id that the connection has had. */
  private highest = 0;

  add(sessionId: number): void {
    this.sessionIds ??= new IdSet();
    remember(this.sessionIds, sessionId);
  }

  addClosedByClient(sessionId: number): void {
    this.closedByClient ??= new IdSet();
    remember(this.closedByClient, sessionId);
  }

  /** Of preview4: whatever comes late for it is dropped. */
  addEnded(sessionId: number): void {
    this.ended ??= new IdSet();
    remember(this.ended, sessionId);
  }

  /**
   * An id that the connection has not had over preview4, as long as there is one: a reference client refuses to open one again
   * that it has closed.
   */
  free(ids: FreeIdsAbove): number {
    const lowest = ids.free();
    if (this.ended === undefined || lowest > this.highest) return lowest;
    const mayBeUsed = this.ended.has(lowest) || this.ended.size >= MAX_REMEMBERED;
    return (mayBeUsed && ids.freeAbove(this.highest)) || lowest;
  }

  /** The id belongs to a new session. */
  begun(sessionId: number): void {
    this.highest = Math.max(this.highest, sessionId);
    this.sessionIds?.delete(sessionId);
    this.closedByClient?.delete(sessionId);
    this.ended?.delete(sessionId);
  }

  /** Whether the packet belongs to one of them; the client's final answer settles it. */
  crossed(packet: Packet): boolean {
    const { sessionId, messageType } = packet;
    if (this.ended?.has(sessionId)) return true;
    if (this.closedByClient?.has(sessionId) && CROSSING.has(messageType)) return true;
    if (this.sessionIds === undefined || !this.sessionIds.has(sessionId)) return false;
    if (messageType === MessageType.SessionCloseAck && isFinal(packet)) this.sessionIds.delete(sessionId);
    return true;
  }
}

function remember(sessionIds: IdSet, sessionId: number): void {
  sessionIds.add(sessionId);
  if (sessionIds.size <= MAX_REMEMBERED) return;
  const { oldest } = sessionIds;
  if (oldest !== undefined) sessionIds.delete(oldest);
}

/** What comes for a session that is over may break any rule. */
function isFinal({ view, metadataStart, metadataLength }: Packet): boolean {
  if (metadataLength < preview3.SESSION_CLOSE_ACK_BYTES) return false;
  if (preview3.checkSessionCloseAck(view, metadataStart) >= 0) return false;
  return preview3.decodeSessionCloseAck(view, metadataStart).closeStatus === CloseStatus.Closed;
}
