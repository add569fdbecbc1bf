import {
  ClosedError,
  checkOpenRequest,
  chooseSessionId,
  describeFault,
  type MessageInfo,
  type NnrpError,
  openedAck,
  type Packet,
  ProtocolError,
  preview3,
  rejectedAck,
  type SessionOpenTerms,
  TimeoutError,
  UsageError,
  type WireFault,
} from 'nnrp-core';
import { SESSION_OPEN_ACK } from '../connection/codecs.js';
import { Connection } from '../connection/connection.js';
import type { FramedTransport } from '../transport/contract.js';
import type { NnrpServerConfig } from './server-config.js';
import type { ConnectionLost, ProtocolViolation, SessionRefused } from './server-events.js';
import { NnrpServerSession, type ServerSessionConnection } from './server-session.js';
import type { SessionTable } from './session-table.js';

const { ErrorCode, ErrorScope, MessageType, SessionErrorCode } = preview3;

/** Closes remembered until the client confirms them; a client that never does costs no more than this. */
const MAX_UNCONFIRMED = 1024;

/** What a connection needs of its server. */
export interface ServerConnectionOwner {
  readonly config: NnrpServerConfig;
  readonly table: SessionTable<NnrpServerSession>;
  isDraining(): boolean;
  sessionOpened(session: NnrpServerSession): void;
  sessionEnded(session: NnrpServerSession): void;
  sessionRefused(refusal: SessionRefused): void;
  protocolViolation(violation: ProtocolViolation): void;
  connectionEnded(connection: ServerConnection, loss: ConnectionLost): void;
}

/**
 * One client connection: opens sessions, routes their packets, answers what concerns the connection itself. A
 * connection without a session lives for the handshake timeout only, so a silent peer costs one timer.
 */
export class ServerConnection extends Connection implements ServerSessionConnection {
  private readonly terms: SessionOpenTerms;
  private handshakeTimer: NodeJS.Timeout | undefined;
  /** Reasons to stop reading: a full outbox, sessions whose queues are full, a policy that is being asked. */
  private holds = 0;
  private outboxHeld = false;
  private endedSessionIds: readonly number[] = [];
  /** Sessions this side has closed without a confirmation yet: what still comes for them has crossed the close. */
  private readonly unconfirmed = new Set<number>();

  constructor(
    transport: FramedTransport,
    private readonly owner: ServerConnectionOwner,
  ) {
    super(transport);
    const { config } = owner;
    this.terms = { ...config, hasSchema: (id, version) => config.schemaRegistry.has(id, version) };
  }

  /** Begins to read. The connection may end inside this call. */
  start(): void {
    this.armHandshakeTimer();
    this.transport.start(this);
  }

  get isDraining(): boolean {
    return this.owner.isDraining();
  }

  /** Stops reading until `release` has been called as often. */
  hold(): void {
    if (this.holds++ === 0) this.transport.pause();
  }

  release(): void {
    if (--this.holds === 0 && !this.isClosed) this.transport.resume();
  }

  report(sessionId: number, error: ProtocolError): void {
    this.owner.protocolViolation({ remoteAddress: this.remoteAddress, sessionId, error });
  }

  /** A message that this server does not serve: said to the peer, and nothing else happens. */
  unsupported(packet: Packet, info: MessageInfo): void {
    const scope = packet.sessionId === 0 ? ErrorScope.Connection : ErrorScope.Session;
    const { sessionId, frameId } = packet;
    this.sendError(ErrorCode.UnsupportedCapability, scope, `${info.name} is not served`, { sessionId, frameId });
  }

  closeSent(sessionId: number): void {
    this.unconfirmed.add(sessionId);
    if (this.unconfirmed.size <= MAX_UNCONFIRMED) return;
    const [oldest] = this.unconfirmed;
    if (oldest !== undefined) this.unconfirmed.delete(oldest);
  }

  sessionEnded(session: NnrpServerSession): void {
    this.detach(session.sessionId);
    this.owner.table.release(session.sessionId, session);
    this.owner.sessionEnded(session);
    if (this.sessionCount === 0 && !this.isClosed) this.armHandshakeTimer();
  }

  protected override receive(packet: Packet, info: MessageInfo): void {
    if (this.crossedClose(packet)) return;
    if (info.direction === 'server_to_client') {
      this.violatedBy(packet, `${info.name} from a client`);
      return;
    }
    switch (packet.messageType) {
      case MessageType.SessionOpen:
        this.openSession(packet);
        break;
      case MessageType.Ping:
        this.sendPlain(MessageType.Pong, 0, 0);
        break;
      case MessageType.Pong:
      case MessageType.Error:
        break;
      case MessageType.Close:
        void this.close(new ClosedError(`${this.remoteAddress} closed the connection`));
        break;
      case MessageType.FrameSubmit:
        if (this.sessionCount === 0) this.violatedBy(packet, `${info.name} before SESSION_OPEN`);
        else this.sendPlain(MessageType.ResultDrop, packet.sessionId, packet.frameId);
        break;
      case MessageType.ClientHello:
      case MessageType.TransportProbe:
        this.unsupported(packet, info);
        break;
      default:
        if (this.sessionCount === 0) this.violatedBy(packet, `${info.name} before SESSION_OPEN`);
        else this.unknownSession(packet, info);
    }
  }

  protected override violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    if (this.crossedClose(packet)) return;
    this.violatedBy(packet, `${info.name}: ${describeFault(fault)}`, ErrorCode.MalformedBody, fault);
  }

  protected override onEnded(error: NnrpError): void {
    clearTimeout(this.handshakeTimer);
    const { remoteAddress, endedSessionIds: sessionIds } = this;
    this.owner.connectionEnded(this, { remoteAddress, error, sessionIds });
  }

  protected override end(error: NnrpError): void {
    if (!this.isClosed) this.endedSessionIds = [...this.sessions.keys()];
    super.end(error);
  }

  /** A peer that does not read its answers is not read from either: its next request would only add to them. */
  protected override outboxFilled(): void {
    if (this.outboxHeld) return;
    this.outboxHeld = true;
    this.hold();
  }

  protected override roomAgain(): void {
    if (!this.outboxHeld) return;
    this.outboxHeld = false;
    this.release();
  }

  /** Costs the connection when nobody else lives on it; otherwise the peer is told and its sessions go on. */
  private violatedBy(packet: Packet, text: string, code: number = ErrorCode.InvalidState, fault?: WireFault): void {
    const error = new ProtocolError(text, code, fault);
    this.report(packet.sessionId, error);
    if (this.sessionCount === 0) {
      this.fail(error);
    } else {
      const { sessionId, frameId } = packet;
      const scope = sessionId === 0 ? ErrorScope.Connection : ErrorScope.Session;
      this.sendError(code, scope, error.rawMessage, { sessionId, frameId });
    }
  }

  /** Whether the packet belongs to a session that this side has closed and the client has not confirmed. */
  private crossedClose(packet: Packet): boolean {
    if (!this.unconfirmed.has(packet.sessionId)) return false;
    if (packet.messageType === MessageType.SessionCloseAck) this.unconfirmed.delete(packet.sessionId);
    return true;
  }

  private unknownSession(packet: Packet, info: MessageInfo): void {
    const { sessionId, frameId } = packet;
    const text = `${info.name}: session ${sessionId} is not open on this connection`;
    this.report(sessionId, new ProtocolError(text, ErrorCode.InvalidState));
    this.sendError(ErrorCode.InvalidState, ErrorScope.Session, text, { sessionId, frameId });
  }

  private openSession(packet: Packet): void {
    const open = preview3.decodeSessionOpen(packet.view, packet.metadataStart);
    const { resumeTokenBytes, authBytes, sessionExtensionBytes } = open;
    const announced = resumeTokenBytes + authBytes + sessionExtensionBytes;
    if (packet.bodyLength !== 0 && packet.bodyLength !== announced) {
      const text = `SESSION_OPEN announces ${announced} body bytes, got ${packet.bodyLength}`;
      this.violatedBy(packet, text, ErrorCode.MalformedBody);
      return;
    }
    const errorCode = checkOpenRequest(open, this.terms) || this.limitReached();
    if (errorCode !== SessionErrorCode.None) {
      this.refuse(open, errorCode);
      return;
    }
    const auth =
      packet.bodyLength === 0 ? packet.body : packet.body.subarray(resumeTokenBytes, resumeTokenBytes + authBytes);
    this.askPolicy(open, auth);
  }

  private limitReached(): number {
    const { config, table } = this.owner;
    const full = table.size >= config.maxSessions || this.sessionCount >= config.maxSessionsPerConnection;
    return full || this.isDraining ? SessionErrorCode.SessionLimitReached : SessionErrorCode.None;
  }

  private askPolicy(open: preview3.SessionOpen, auth: Uint8Array): void {
    const context = { remoteAddress: this.remoteAddress, auth };
    let answer: ReturnType<NnrpServerConfig['applicationPolicy']['validateSessionOpen']>;
    try {
      answer = this.owner.config.applicationPolicy.validateSessionOpen(open, context);
    } catch (error) {
      this.refuse(open, SessionErrorCode.AuthFailed, error);
      return;
    }
    // Any object is awaited: promises of other libraries and realms are no instances of Promise.
    if (typeof answer !== 'object' || answer === null) {
      this.decide(open, answer);
      return;
    }
    // Packets that follow belong after the answer; they stay unread until it is known.
    this.hold();
    Promise.resolve(answer)
      .then(
        (code) => this.decide(open, code),
        (error: unknown) => this.refuse(open, SessionErrorCode.AuthFailed, error),
      )
      .finally(() => this.release());
  }

  /** Looking at the ids and taking one happen here, without a pause in between. */
  private decide(open: preview3.SessionOpen, policyCode: number | undefined): void {
    if (this.isClosed) return;
    if (policyCode !== undefined && policyCode !== null) {
      if (policyCode >>> 0 === policyCode) this.refuse(open, policyCode);
      else this.refuse(open, SessionErrorCode.AuthFailed, badPolicyAnswer(policyCode));
      return;
    }
    const limit = this.limitReached();
    const choice = limit === SessionErrorCode.None ? chooseSessionId(open, this.owner.table) : { errorCode: limit };
    if ('errorCode' in choice) {
      this.refuse(open, choice.errorCode);
      return;
    }
    this.unconfirmed.delete(choice.sessionId);
    const session = new NnrpServerSession(this, choice.sessionId, open, this.owner.config);
    this.owner.table.set(choice.sessionId, session);
    this.handshakeDone();
    const ack = openedAck(open, this.terms, choice.sessionId);
    this.send(MessageType.SessionOpenAck, choice.sessionId, 0, SESSION_OPEN_ACK, ack);
    this.owner.sessionOpened(session);
  }

  private refuse(open: preview3.SessionOpen, errorCode: number, cause?: unknown): void {
    if (this.isClosed) return;
    this.send(MessageType.SessionOpenAck, 0, 0, SESSION_OPEN_ACK, rejectedAck(open, this.terms, errorCode));
    const { remoteAddress } = this;
    this.owner.sessionRefused({ remoteAddress, open, errorCode, ...(cause === undefined ? {} : { cause }) });
  }

  private handshakeDone(): void {
    clearTimeout(this.handshakeTimer);
    this.transport.limitPackets?.(this.owner.config.maxPacketBytes);
  }

  /** Without a session a peer is a stranger: little time, and little memory. */
  private armHandshakeTimer(): void {
    clearTimeout(this.handshakeTimer);
    const { handshakeTimeoutMs, maxHandshakePacketBytes, maxPacketBytes } = this.owner.config;
    this.transport.limitPackets?.(Math.min(maxHandshakePacketBytes, maxPacketBytes));
    this.handshakeTimer = setTimeout(() => {
      const text = `${this.remoteAddress}: no session within ${handshakeTimeoutMs} ms`;
      void this.close(new TimeoutError(text, handshakeTimeoutMs));
    }, handshakeTimeoutMs);
    this.handshakeTimer.unref();
  }
}

function badPolicyAnswer(answer: unknown): UsageError {
  return new UsageError(`validateSessionOpen: expected undefined or an unsigned 32-bit code, got ${String(answer)}`);
}
