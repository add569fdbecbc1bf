import type { FlowOutcome, MessageInfo, NnrpError, Packet, PeerError, ProtocolError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { EVENT_BYTES, heldByError, keptBytes, keptPacket } from '../contract/kept-events.js';
import type { NnrpPatchAck } from '../requests/request-messages.js';
import type { ClientOperation } from '../results/client-operation.js';

/** What happens in a session besides results, as `events()` tells it. */
export type NnrpSessionEvent =
  /** The server limits work; `outcome` says whether the update counted. `operation` is the one it names. */
  | {
      readonly type: 'flow_update';
      readonly update: preview3.FlowUpdate;
      readonly outcome: FlowOutcome;
      readonly operation?: ClientOperation | undefined;
    }
  /** How the server treats a frame or, with frame 0, the session. */
  | {
      readonly type: 'result_hint';
      readonly hint: preview3.ResultHint;
      readonly frameId: number;
      readonly operation?: ClientOperation | undefined;
    }
  /** The server gave a frame up. */
  | { readonly type: 'result_drop'; readonly frameId: number; readonly operation: ClientOperation }
  /** The server reports a failure; `operation` is the one that failed with it. */
  | {
      readonly type: 'error';
      readonly error: PeerError;
      readonly message: preview3.ErrorMessage;
      readonly operation?: ClientOperation | undefined;
    }
  /** The server wants to close the session. */
  | { readonly type: 'close'; readonly close: preview3.SessionClose }
  | { readonly type: 'close_ack'; readonly ack: preview3.SessionCloseAck }
  | { readonly type: 'patch_ack'; readonly ack: NnrpPatchAck }
  | { readonly type: 'migrate_ack'; readonly ack: preview3.SessionMigrateAck }
  | { readonly type: 'cache_ack'; readonly ack: preview3.CacheAck }
  /** The server offers an object; a client keeps none, so it has been refused with CACHE_ACK. */
  | { readonly type: 'cache_put'; readonly put: preview3.CachePut; readonly body: Uint8Array }
  /** The server has forgotten objects. */
  | { readonly type: 'cache_invalidate'; readonly invalidate: preview3.CacheInvalidate }
  /** A message that belongs to nothing this session waits for. */
  | { readonly type: 'stray'; readonly packet: Packet; readonly message: MessageInfo }
  /** The server broke a rule. */
  | { readonly type: 'violation'; readonly error: ProtocolError }
  /** The session is over: the last event. */
  | { readonly type: 'end'; readonly reason: NnrpError };

/** Bytes that an event holds as long as it waits. */
export function sessionEventBytes(event: NnrpSessionEvent): number {
  switch (event.type) {
    case 'stray':
      return EVENT_BYTES + event.packet.settledBytes;
    case 'cache_put':
      return EVENT_BYTES + event.body.length;
    case 'patch_ack':
      return EVENT_BYTES + event.ack.body.length;
    case 'error':
    case 'violation':
      return EVENT_BYTES + heldByError(event.error);
    default:
      return EVENT_BYTES;
  }
}

/** The event as it may wait: what it brings is moved out of a chunk of which it needs little. */
export function keptSessionEvent(event: NnrpSessionEvent): NnrpSessionEvent {
  switch (event.type) {
    case 'stray':
      return { ...event, packet: keptPacket(event.packet) };
    case 'cache_put':
      return { ...event, body: keptBytes(event.body) };
    case 'patch_ack':
      return { ...event, ack: { ...event.ack, body: keptBytes(event.ack.body) } };
    default:
      return event;
  }
}
