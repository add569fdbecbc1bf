import {
  ClosedError,
  describeFault,
  type MessageInfo,
  type NnrpError,
  type Packet,
  PeerError,
  ProtocolError,
  preview3,
  TimeoutError,
  type WireFault,
} from 'nnrp-core';
import { bodyBytes } from '../connection/body-bytes.js';
import { SESSION_OPEN } from '../connection/codecs.js';
import { Connection } from '../connection/connection.js';
import type { FramedTransport } from '../transport/contract.js';
import { type NnrpClientConfig, type SessionOptions, sessionOpen } from './client-config.js';
import { type ClientSessionConnection, NnrpClientSession } from './client-session.js';
import { peerError } from './peer-error.js';

const { ErrorCode, ErrorScope, MessageType, SessionStatus } = preview3;

/** What a client is told besides its results. */
export interface ClientConnectionEvents {
  stray(packet: Packet, info: MessageInfo): void;
  peerError(error: PeerError, sessionId: number): void;
  protocolViolation(error: ProtocolError, sessionId: number): void;
  closed(error: NnrpError): void;
}

interface PendingOpen {
  readonly open: preview3.SessionOpen;
  resolve(session: NnrpClientSession): void;
  reject(error: NnrpError): void;
}

/** The client's side of one connection: opens sessions one after the other and routes what comes to them. */
export class ClientConnection extends Connection implements ClientSessionConnection {
  private readonly openSessions = new Set<NnrpClientSession>();
  private pendingOpen: PendingOpen | undefined;
  private bufferedBytes = 0;
  private held = false;
  /** Requests without an answer. */
  private awaited = 0;
  private endError: NnrpError | undefined;
  /** Opens wait for each other: nothing in an acknowledgement says which request it answers. */
  private openTurn: Promise<unknown> = Promise.resolve();

  constructor(
    transport: FramedTransport,
    private readonly config: NnrpClientConfig,
    private readonly events: ClientConnectionEvents,
  ) {
    super(transport);
    transport.start(this);
  }

  /** @throws (as a rejection) PeerError when refused, TimeoutError, TransportError or ClosedError */
  open(options: Partial<SessionOptions>): Promise<NnrpClientSession> {
    const turn = this.openTurn.then(() => this.openNow(options));
    this.openTurn = turn.catch(() => {});
    return turn;
  }

  /** Closes every session in good order; a server that does not answer is left behind. */
  async closeSessions(): Promise<void> {
    await Promise.allSettled([...this.openSessions].map((session) => session.close()));
  }

  sessionEnded(session: NnrpClientSession): void {
    this.detach(session.sessionId);
    this.openSessions.delete(session);
  }

  /** Results that wait unread are bounded: above the limit nothing more is read. */
  resultBuffered(bytes: number): void {
    this.bufferedBytes += bytes;
    if (this.held || this.awaited > 0 || this.bufferedBytes < this.config.maxBufferedResultBytes) return;
    this.held = true;
    this.transport.pause();
  }

  resultConsumed(bytes: number): void {
    this.bufferedBytes -= bytes;
    if (!this.held || this.bufferedBytes * 2 > this.config.maxBufferedResultBytes) return;
    this.held = false;
    this.transport.resume();
  }

  answerAwaited(): void {
    this.awaited++;
    if (!this.held) return;
    this.held = false;
    this.transport.resume();
  }

  answerCame(): void {
    this.awaited--;
  }

  stray(packet: Packet, info: MessageInfo): void {
    this.events.stray(packet, info);
  }

  peerReported(error: PeerError, sessionId: number): void {
    this.events.peerError(error, sessionId);
  }

  violation(error: ProtocolError, sessionId: number): void {
    this.events.protocolViolation(error, sessionId);
  }

  protected override receive(packet: Packet, info: MessageInfo): void {
    switch (packet.messageType) {
      case MessageType.SessionOpenAck:
        this.openAnswered(packet, info);
        break;
      case MessageType.Ping:
        this.sendPlain(MessageType.Pong, 0, 0);
        break;
      case MessageType.Close:
        this.end(new ClosedError(`${this.remoteAddress} closed the connection`));
        break;
      case MessageType.Error:
        this.errorArrived(packet);
        break;
      default:
        this.stray(packet, info);
    }
  }

  protected override violated(_packet: Packet, info: MessageInfo, fault: WireFault): void {
    const error = new ProtocolError(`${info.name}: ${describeFault(fault)}`, ErrorCode.MalformedBody, fault);
    this.violation(error, 0);
    this.fail(error);
  }

  protected override onEnded(error: NnrpError): void {
    this.endError = error;
    this.pendingOpen?.reject(error);
    this.pendingOpen = undefined;
    this.events.closed(error);
  }

  private openNow(options: Partial<SessionOptions>): Promise<NnrpClientSession> {
    if (this.endError !== undefined) return Promise.reject(this.endError);
    const auth = options.auth === undefined ? undefined : bodyBytes(options.auth);
    const open = sessionOpen(options, auth?.length ?? 0);
    const { openTimeoutMs } = this.config;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // A late answer could not be told from the next one's: the connection is given up.
        this.end(new TimeoutError(`no answer to SESSION_OPEN within ${openTimeoutMs} ms`, openTimeoutMs));
      }, openTimeoutMs);
      this.answerAwaited();
      const settle =
        <T>(settled: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          this.answerCame();
          settled(value);
        };
      this.pendingOpen = { open, resolve: settle(resolve), reject: settle(reject) };
      try {
        this.send(MessageType.SessionOpen, 0, 0, SESSION_OPEN, open, auth);
      } catch (error) {
        this.pendingOpen.reject(error as NnrpError);
        this.pendingOpen = undefined;
      }
    });
  }

  private openAnswered(packet: Packet, info: MessageInfo): void {
    const pending = this.pendingOpen;
    if (pending === undefined) {
      this.stray(packet, info);
      return;
    }
    this.pendingOpen = undefined;
    const ack = preview3.decodeSessionOpenAck(packet.view, packet.metadataStart);
    const fault = mismatch(pending.open, ack, packet);
    if (fault !== undefined) {
      const error = new ProtocolError(`SESSION_OPEN_ACK: ${fault}`, ErrorCode.InvalidState);
      pending.reject(error);
      this.violation(error, 0);
      this.fail(error);
    } else if (ack.sessionStatus === SessionStatus.Opened) {
      const session = new NnrpClientSession(this, ack, this.config.closeTimeoutMs);
      this.openSessions.add(session);
      pending.resolve(session);
    } else {
      pending.reject(refusal(ack));
    }
  }

  private errorArrived(packet: Packet): void {
    const message = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
    const error = peerError(message, packet.body);
    this.peerReported(error, packet.sessionId);
    // A fatal error of a session that is gone already concerns nobody else on the connection.
    if (message.isFatal === 1 && message.errorScope === ErrorScope.Connection) this.end(error);
  }
}

/** What an acknowledgement must agree with: its own header, the request, and the rules of recovery. */
function mismatch(open: preview3.SessionOpen, ack: preview3.SessionOpenAck, packet: Packet): string | undefined {
  const installed = preview3.openAckOutcome(ack);
  if (installed.outcome === 'fault') return describeFault(installed.fault);
  const recovery = preview3.recoveryOutcome(open, ack);
  if (recovery.outcome === 'fault') return describeFault(recovery.fault);
  if (packet.sessionId !== ack.sessionId)
    return `header session ${packet.sessionId}, metadata session ${ack.sessionId}`;
  if (installed.outcome === 'not_installed') return undefined;
  if (open.requestedSessionId !== 0 && ack.sessionId !== open.requestedSessionId) {
    return `asked for session ${open.requestedSessionId}, got ${ack.sessionId}`;
  }
  const announced = ack.resumeTokenBytes + ack.sessionExtensionBytes;
  if (packet.bodyLength !== 0 && packet.bodyLength !== announced) {
    return `announces ${announced} body bytes, got ${packet.bodyLength}`;
  }
  return undefined;
}

function refusal(ack: preview3.SessionOpenAck): PeerError {
  const code = `0x${ack.sessionErrorCode.toString(16).padStart(8, '0')}`;
  if (ack.sessionStatus === SessionStatus.RetryLater) {
    return new PeerError('NNRP_ERR_RETRY_LATER', `the server asks to retry later (${code})`, ack.sessionErrorCode);
  }
  return new PeerError('NNRP_ERR_SESSION_REFUSED', `the server refuses the session (${code})`, ack.sessionErrorCode);
}
