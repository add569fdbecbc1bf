import type { MessageInfo, NnrpError, Packet, UsageError, WireFault } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import type { Guarded } from '../base/guard.js';
import type { ErrorOptions } from './errors/error-message.js';
import type { Dialect } from './revision/dialect.js';
import type { MetadataCodec } from './sending/outbound-message.js';
import type { Lane } from './sending/outbox.js';

/** One session as its connection sees it: it takes the packets that carry its id. */
export interface SessionEndpoint {
  /** Where its messages wait when there is no room for all. */
  readonly lane: Lane;
  receive(packet: Packet, info: MessageInfo): void;
  /** The packet names this session and breaks a rule. */
  violated(packet: Packet, info: MessageInfo, fault: WireFault): void;
  /** A submit or a result of the session was left out because its body was transferred or resized too early. */
  unsent(head: Packet, error: UsageError): void;
  /** The connection is gone. @param error - of all its sessions; making one for each is most of what their end would cost */
  disconnected(error: NnrpError): void;
}

/** A connection as its sessions see it. */
export interface SessionConnection<Session extends SessionEndpoint = SessionEndpoint> extends Guarded {
  readonly remoteAddress: string;
  /** How the peer speaks. */
  readonly dialect: Dialect;
  /** Sessions open on this connection. */
  readonly sessionCount: number;
  attach(sessionId: number, session: Session): void;
  /**
   * Sends a message. The `body` of a submit or a result is lent, unless it is small: see `unsent`. The trace id comes as its two halves. A partial
   * result may be left out when the peer reads too slowly.
   * @returns false when full: wait for `whenDrained`
   * @throws WireError when the metadata breaks a rule, UsageError when the packet is larger than the peer takes; nothing is
   * sent then
   */
  send<T>(
    messageType: number,
    sessionId: number,
    frameId: number,
    codec: MetadataCodec<T>,
    value: T,
    body?: Uint8Array,
    lane?: Lane,
    traceLow?: number,
    traceHigh?: number,
    partial?: boolean,
    routeId?: number,
  ): boolean;
  /** Sends a message that is a header and nothing else. @returns false when full */
  sendPlain(
    messageType: number,
    sessionId: number,
    frameId: number,
    lane?: Lane,
    traceLow?: number,
    traceHigh?: number,
  ): boolean;
  /** Tells the peer what it did wrong. */
  sendError(errorCode: number, errorScope: preview3.ErrorScope, text: string, options?: ErrorOptions): void;
  /** Resolves when there is room to send more; rejects when the connection ends first. */
  whenDrained(lane?: Lane): Promise<void>;
  /** Ends the connection on our side: what is queued is still sent. */
  close(reason: NnrpError): Promise<void>;
}
