import type { FlowOutcome, MessageInfo, NnrpError, Packet, PeerError, ProtocolError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { BodyBytes } from '../../connection/body/body-reading.js';
import type { ControlEvent } from '../../connection/controls/control-events.js';
import { bytesOfError, EVENT_BYTES, keptBytes, keptPacket } from '../contract/kept-events.js';
import type { ReopenReport, ResumeReport } from '../contract/resume-report.js';
import type { NnrpPatchAck } from '../requests/request-messages.js';
import type { ClientOperation } from '../results/client-operation.js';

/** What happens in a session besides results, as `events()` tells it. */
export type ClientSessionEvent =
  /** The server limits work; `outcome` says whether the update counted. `operation` is the one it names. */
  | {
      readonly type: 'flowUpdate';
      readonly update: preview3.FlowUpdate;
      readonly outcome: FlowOutcome;
      readonly operation?: ClientOperation | undefined;
    }
  /** How the server treats a frame or, with frame 0, the session. */
  | {
      readonly type: 'resultHint';
      readonly hint: preview3.ResultHint;
      readonly frameId: number;
      readonly operation?: ClientOperation | undefined;
    }
  /** The server gave a frame up. */
  | {
      readonly type: 'resultDrop';
      readonly frameId: number;
      readonly operation: ClientOperation;
      /** Why, over preview4: see preview4.DropReasonCode. */
      readonly reasonCode?: number;
    }
  /** The server reports a failure; `operation` is the one that failed with it. */
  | {
      readonly type: 'peerError';
      readonly error: PeerError;
      readonly message: preview3.ErrorMessage;
      readonly operation?: ClientOperation | undefined;
    }
  /** The server wants to close the session. */
  | { readonly type: 'close'; readonly close: preview3.SessionClose }
  | { readonly type: 'closeAck'; readonly ack: preview3.SessionCloseAck }
  | { readonly type: 'patchAck'; readonly ack: NnrpPatchAck }
  | { readonly type: 'migrateAck'; readonly ack: preview3.SessionMigrateAck }
  | { readonly type: 'cacheAck'; readonly ack: preview3.CacheAck }
  /** The server offers an object; a client keeps none, so it has been refused with CACHE_ACK. */
  | { readonly type: 'cachePut'; readonly put: preview3.CachePut; readonly body: BodyBytes }
  /** The server has forgotten objects. */
  | { readonly type: 'cacheInvalidate'; readonly invalidate: preview3.CacheInvalidate }
  /** A message that belongs to nothing this session waits for. */
  | { readonly type: 'stray'; readonly packet: Packet; readonly message: MessageInfo }
  /** The server broke a rule. */
  | { readonly type: 'protocolViolation'; readonly error: ProtocolError }
  /** The connection is lost; the session goes on when it is resumed on another one. */
  | { readonly type: 'suspended'; readonly error: NnrpError }
  | ({ readonly type: 'resumed' } & ResumeReport)
  /** The tickets that the session has given so far are good no longer: take another one. */
  | { readonly type: 'ticketChanged' }
  /** The session could not be resumed: its operations have failed, and it is to be opened again. */
  | { readonly type: 'lost'; readonly error: NnrpError }
  /** Another session of the server has taken its place. */
  | ({ readonly type: 'reopened' } & ReopenReport)
  /** A message that only preview4 has; `operation` is the one that it is about. */
  | (ControlEvent & { readonly operation?: ClientOperation })
  /** The session is over: the last event. */
  | { readonly type: 'end'; readonly reason: NnrpError };

/** Bytes that an event holds as long as it waits. */
export function sessionEventBytes(event: ClientSessionEvent): number {
  switch (event.type) {
    case 'stray':
      return EVENT_BYTES + event.packet.settledBytes;
    case 'cachePut':
      return EVENT_BYTES + event.body.length;
    case 'patchAck':
      return EVENT_BYTES + event.ack.body.length;
    case 'peerError':
    case 'protocolViolation':
    case 'suspended':
    case 'lost':
      return EVENT_BYTES + bytesOfError(event.error);
    case 'reopened':
      return EVENT_BYTES + bytesOfError(event.reason);
    default:
      return EVENT_BYTES + ('metadata' in event ? event.body.length : 0);
  }
}

/** The event as it may wait: what it brings is moved out of a chunk of which it needs little. */
export function keptSessionEvent(event: ClientSessionEvent): ClientSessionEvent {
  switch (event.type) {
    case 'stray':
      return { ...event, packet: keptPacket(event.packet) };
    case 'cachePut':
      return { ...event, body: keptBytes(event.body) };
    case 'patchAck':
      return { ...event, ack: { ...event.ack, body: keptBytes(event.ack.body) } };
    default:
      return event;
  }
}
