import {
  ClosedError,
  checkHeaderIds,
  checkPacket,
  describeFault,
  type MessageInfo,
  type NnrpError,
  type Packet,
  PREVIEW3,
  ProtocolError,
  preview3,
  type Revision,
  TransportError,
  type WireFault,
} from 'nnrp-core';
import type { FramedTransport, PacketSink } from '../transport/contract.js';
import { ERROR_MESSAGE } from './codecs.js';
import { type MetadataCodec, OutboundMessage } from './outbound-message.js';
import type { ErrorOptions, SessionConnection, SessionEndpoint } from './session-endpoint.js';

const { MessageType, ErrorCode, ErrorScope } = preview3;
const SENT: Promise<void> = Promise.resolve();
/** Longest diagnostic text in an ERROR, in bytes (wire.md A-15). */
const MAX_DIAGNOSTIC_BYTES = 256;
const UTF8 = new TextEncoder();

/**
 * The one reader of a connection: checks each packet, then hands it to the session it names or to the role's own
 * handler. Common to both roles; what a role does with its packets stands in its subclass.
 */
export abstract class Connection implements PacketSink, SessionConnection {
  protected readonly sessions = new Map<number, SessionEndpoint>();
  private readonly outbound = new OutboundMessage();
  private drain: { promise: Promise<void>; resolve: () => void; reject: (error: NnrpError) => void } | undefined;
  private ended: NnrpError | undefined;

  protected constructor(
    protected readonly transport: FramedTransport,
    protected readonly revision: Revision = PREVIEW3,
  ) {}

  get remoteAddress(): string {
    return this.transport.remoteAddress;
  }

  get isClosed(): boolean {
    return this.ended !== undefined;
  }

  get sessionCount(): number {
    return this.sessions.size;
  }

  attach(sessionId: number, session: SessionEndpoint): void {
    this.sessions.set(sessionId, session);
  }

  detach(sessionId: number): void {
    this.sessions.delete(sessionId);
  }

  /** @throws WireError when the metadata breaks a rule; nothing is sent then. @returns false when full */
  send<T>(
    messageType: number,
    sessionId: number,
    frameId: number,
    codec: MetadataCodec<T>,
    value: T,
    body?: Uint8Array,
  ): boolean {
    const accepted = this.transport.send(this.outbound.set(messageType, sessionId, frameId, codec, value, body));
    this.outbound.clear();
    if (!accepted) this.outboxFull();
    return accepted;
  }

  /** Sends a message that is a header and nothing else. */
  sendPlain(messageType: number, sessionId: number, frameId: number): boolean {
    const accepted = this.transport.send(this.outbound.setPlain(messageType, sessionId, frameId));
    if (!accepted) this.outboxFull();
    return accepted;
  }

  /** Resolves when there is room to send more; rejects when the connection ends first. */
  whenDrained(): Promise<void> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return this.drain?.promise ?? SENT;
  }

  /** Tells the peer what it did wrong (wire.md 7.20); the text is cut to 256 bytes. */
  sendError(errorCode: number, errorScope: preview3.ErrorScope, text: string, options: ErrorOptions = {}): void {
    const { sessionId = 0, frameId = 0, fatal = false } = options;
    const diagnostic = UTF8.encode(text).subarray(0, MAX_DIAGNOSTIC_BYTES);
    const metadata: preview3.ErrorMessage = {
      errorCode,
      errorScope,
      isFatal: fatal ? 1 : 0,
      retryAfterMs: 0,
      relatedSessionId: sessionId,
      relatedFrameId: frameId,
      relatedViewId: 0,
      diagnosticBytes: diagnostic.length,
    };
    this.send(MessageType.Error, sessionId, frameId, ERROR_MESSAGE, metadata, diagnostic);
  }

  packet(packet: Packet): void {
    const info = this.revision.messageInfo(packet.messageType);
    if (info === undefined) return;
    const fault = checkPacket(packet, info, this.revision) ?? checkHeaderIds(packet, info);
    const { sessionId } = packet;
    const session = sessionId === 0 ? undefined : this.sessions.get(sessionId);
    if (fault !== undefined) {
      if (session !== undefined) session.violated(packet, info, fault);
      else this.violated(packet, info, fault);
    } else if (session !== undefined) {
      session.receive(packet, info);
    } else {
      this.receive(packet, info);
    }
  }

  broken(fault: WireFault): void {
    const code = FRAMING_ERROR_CODES[fault.kind] ?? ErrorCode.MalformedHeader;
    this.fail(new ProtocolError(describeFault(fault), code, fault));
  }

  drained(): void {
    const { drain } = this;
    this.drain = undefined;
    this.roomAgain();
    drain?.resolve();
  }

  closed(error?: NnrpError): void {
    const text = `${this.remoteAddress} closed the connection`;
    // With nothing open an end is in good order, also without CLOSE: preview3 peers send none.
    this.end(error ?? (this.sessions.size === 0 ? new ClosedError(text) : new TransportError(text)));
  }

  /** The peer broke a rule that costs the connection: tells it, then closes. */
  fail(error: ProtocolError): void {
    if (this.ended !== undefined) return;
    this.sendError(error.wireCode, ErrorScope.Connection, error.rawMessage, { fatal: true });
    this.end(error);
  }

  /** Ends the connection on our side: what is queued is still sent. */
  close(reason: NnrpError): Promise<void> {
    this.end(reason);
    return this.transport.close();
  }

  protected end(error: NnrpError): void {
    if (this.ended !== undefined) return;
    this.ended = error;
    void this.transport.close();
    for (const session of [...this.sessions.values()]) session.disconnected(error);
    this.sessions.clear();
    this.drain?.reject(error);
    this.drain = undefined;
    this.onEnded(error);
  }

  /** A packet that names no session of this connection. */
  protected abstract receive(packet: Packet, info: MessageInfo): void;
  /** A packet that names no session of this connection and breaks a rule. */
  protected abstract violated(packet: Packet, info: MessageInfo, fault: WireFault): void;
  protected abstract onEnded(error: NnrpError): void;
  /** The peer does not take what we send as fast as we send it. */
  protected outboxFilled(): void {}
  protected roomAgain(): void {}

  private outboxFull(): void {
    if (this.drain !== undefined) return;
    let resolve: () => void = () => {};
    let reject: (error: NnrpError) => void = () => {};
    const promise = new Promise<void>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    // Who does not wait for room must not be brought down by a connection that ends.
    promise.catch(() => {});
    this.drain = { promise, resolve, reject };
    this.outboxFilled();
  }
}

const FRAMING_ERROR_CODES: Partial<Record<WireFault['kind'], number>> = {
  unsupported_version_major: ErrorCode.UnsupportedVersion,
  unsupported_wire_format: ErrorCode.UnsupportedVersion,
  packet_too_large: ErrorCode.LimitExceeded,
};
