import {
  ClosedError,
  describeFault,
  type MessageInfo,
  type NnrpError,
  type Packet,
  ProtocolError,
  preview3,
  UsageError,
  type WireFault,
} from 'nnrp-core';
import { AsyncQueue } from '../async-queue.js';
import { type BodyInput, bodyBytes } from '../connection/body-bytes.js';
import { RESULT_PUSH, SESSION_CLOSE, SESSION_CLOSE_ACK } from '../connection/codecs.js';
import { isPartial } from '../connection/result-kind.js';
import type { SessionConnection, SessionEndpoint } from '../connection/session-endpoint.js';
import { FramesInFlight } from './frames-in-flight.js';
import { type NnrpClose, NnrpSubmit, type ResultInit, resultMetadata } from './server-messages.js';

const { CloseReason, CloseStatus, ErrorCode, ErrorScope, InFlightPolicy, MessageType, SessionErrorCode } = preview3;
const SENT: Promise<void> = Promise.resolve();
const NO_BODY = new Uint8Array(0);

/** What a server's session needs of its connection besides sending. */
export interface ServerSessionConnection extends SessionConnection {
  /** The server is closing: no new work. */
  readonly isDraining: boolean;
  /** Stops reading from the peer until `release`. */
  hold(): void;
  release(): void;
  /** Reports a broken rule to the application. */
  report(sessionId: number, error: ProtocolError): void;
  /** Answers a message that this server does not serve. */
  unsupported(packet: Packet, info: MessageInfo): void;
  /** SESSION_CLOSE has gone out: what the client sends for the session until it confirms is no fault. */
  closeSent(sessionId: number): void;
  sessionEnded(session: NnrpServerSession): void;
}

/** open: takes work. closing: the client has asked to close, answers still go out. closed: over. */
export type ServerSessionState = 'open' | 'closing' | 'closed';

/**
 * One session of a server. `receive*` calls wait for the next message of their kind and may be outstanding at once; a
 * session that ends rejects them with the reason. Every frame taken by `receiveSubmit` gets exactly one terminal answer:
 * a result that is not partial, or a drop.
 */
export class NnrpServerSession {
  private readonly submits = new AsyncQueue<NnrpSubmit>();
  private readonly closes = new AsyncQueue<NnrpClose>();
  private readonly frames = new FramesInFlight();
  private currentState: ServerSessionState = 'open';
  private closeRequest: NnrpClose | undefined;
  private reason: NnrpError | undefined;
  private queuedBytes = 0;
  private holding = false;

  /** Made by the server; applications get sessions from `accept`. */
  constructor(
    private readonly connection: ServerSessionConnection,
    readonly sessionId: number,
    /** The request this session was granted for. */
    readonly clientOpen: preview3.SessionOpen,
    private readonly limits: { readonly maxQueuedSubmits: number; readonly maxQueuedBytes: number },
  ) {
    const endpoint: SessionEndpoint = {
      receive: (packet, info) => this.receive(packet, info),
      violated: (packet, info, fault) => this.violated(packet, info, fault),
      disconnected: (error) => this.end(error),
    };
    connection.attach(sessionId, endpoint);
  }

  get state(): ServerSessionState {
    return this.currentState;
  }

  /** Why the session is over; undefined while it is not. */
  get endReason(): NnrpError | undefined {
    return this.reason;
  }

  /** The peer, such as 127.0.0.1:51000. */
  get remoteAddress(): string {
    return this.connection.remoteAddress;
  }

  /** Frames that have not had their terminal answer. */
  get inFlightCount(): number {
    return this.frames.size;
  }

  /** Whether a frame still waits for its terminal answer: false once answered, cancelled or unknown. */
  isInFlight(frameId: number): boolean {
    return this.frames.has(frameId);
  }

  /**
   * The next submit, in order. While many wait unread, reading from the connection stops.
   * @throws ClosedError or TransportError (as a rejection) when the session has ended and nothing waits
   */
  receiveSubmit(): Promise<NnrpSubmit> {
    const waiting = this.submits.tryTake();
    if (waiting === undefined) return this.submits.next();
    this.taken(waiting);
    return Promise.resolve(waiting);
  }

  /**
   * Every submit until the client closes the session or the session ends otherwise (see `endReason`). Call `close`
   * afterwards: it confirms the client's close.
   */
  async *allSubmits(): AsyncGenerator<NnrpSubmit, void, void> {
    for (;;) {
      const submit = await this.receiveSubmit().catch(() => undefined);
      if (submit === undefined) return;
      yield submit;
    }
  }

  /**
   * Answers a frame. Results marked partial may be followed by more; any other is the frame's last answer.
   *
   * @param body - not copied unless it is small, and sent some time after the promise resolves: do not change it any
   * more
   * @returns resolves when there is room to send more
   * @throws (as a rejection) UsageError when the frame has had its last answer, WireError when the metadata is refused
   * (the frame can still be answered), ClosedError when the session is over
   */
  sendResult(frameId: number, result: ResultInit, body: BodyInput = NO_BODY): Promise<void> {
    try {
      this.requireInFlight(frameId);
      const metadata = resultMetadata(result);
      const accepted = this.connection.send(
        MessageType.ResultPush,
        this.sessionId,
        frameId,
        RESULT_PUSH,
        metadata,
        bodyBytes(body),
      );
      if (!isPartial(metadata.resultClass, metadata.resultFlags)) this.frames.answered(frameId);
      return accepted ? SENT : this.connection.whenDrained();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Tells the client that a frame gets no result; it waits for one or the other. Rejects like `sendResult`. */
  sendResultDrop(frameId: number): Promise<void> {
    try {
      this.requireInFlight(frameId);
      const accepted = this.connection.sendPlain(MessageType.ResultDrop, this.sessionId, frameId);
      this.frames.answered(frameId);
      return accepted ? SENT : this.connection.whenDrained();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Resolves when the client asks to close; answer with `ackClose`. Rejects when the session ends otherwise. */
  receiveClose(): Promise<NnrpClose> {
    return this.closes.next();
  }

  /**
   * Confirms the client's close; the session is over. Frames without an answer are dropped first.
   * @throws UsageError (as a rejection) when the client has not asked to close
   */
  async ackClose(close: NnrpClose): Promise<void> {
    if (this.currentState !== 'closing') {
      throw new UsageError(
        `session ${this.sessionId}: ackClose needs a close request, the session is ${this.currentState}`,
      );
    }
    this.dropInFlight();
    const metadata: preview3.SessionCloseAck = {
      closeStatus: CloseStatus.Closed,
      lastOperationId: close.metadata.lastOperationId,
      sessionErrorCode: SessionErrorCode.None,
    };
    this.connection.send(MessageType.SessionCloseAck, this.sessionId, 0, SESSION_CLOSE_ACK, metadata);
    this.end(new ClosedError(`session ${this.sessionId} was closed by the client`));
  }

  /**
   * Ends the session from this side. Frames without an answer are dropped. A client with other sessions on the
   * connection is told by SESSION_CLOSE; one with this session only is told by the end of the connection, which is what
   * every preview3 client understands.
   */
  async close(): Promise<void> {
    if (this.currentState === 'closed') return;
    const pending = this.currentState === 'closing' ? this.closeRequest : undefined;
    if (pending !== undefined) return this.ackClose(pending);
    this.dropInFlight();
    if (this.connection.sessionCount > 1) this.sendSessionClose(CloseReason.ServerShutdown);
    this.end(new ClosedError(`session ${this.sessionId} was closed by the server`));
    if (this.connection.sessionCount === 0) await this.connection.close(new ClosedError('the last session was closed'));
  }

  /** Resolves when no frame is in flight, or the session is over. */
  whenIdle(): Promise<void> {
    return this.frames.whenIdle();
  }

  private receive(packet: Packet, info: MessageInfo): void {
    switch (packet.messageType) {
      case MessageType.FrameSubmit:
        this.submitted(packet);
        break;
      case MessageType.FrameCancel:
        this.cancelled(packet.frameId);
        break;
      case MessageType.SessionClose:
        this.closeRequested(packet);
        break;
      case MessageType.FlowUpdate:
      case MessageType.SessionCloseAck:
      // Answering an error with an error would never end.
      case MessageType.Error:
        break;
      default:
        if (info.direction === 'server_to_client') this.refuse(packet, info);
        else this.connection.unsupported(packet, info);
    }
  }

  private violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    const error = new ProtocolError(`${info.name}: ${describeFault(fault)}`, ErrorCode.MalformedBody, fault);
    if (packet.messageType === MessageType.FrameSubmit && packet.frameId !== 0 && !this.frames.has(packet.frameId)) {
      // The frame was never taken: its id stays free, and the client is not left waiting.
      this.connection.report(this.sessionId, error);
      this.connection.sendPlain(MessageType.ResultDrop, this.sessionId, packet.frameId);
      return;
    }
    this.fail(error, packet.frameId);
  }

  private submitted(packet: Packet): void {
    const { frameId } = packet;
    if (this.currentState !== 'open' || this.connection.isDraining) {
      if (!this.frames.has(frameId)) this.connection.sendPlain(MessageType.ResultDrop, this.sessionId, frameId);
      return;
    }
    if (!this.frames.take(frameId)) {
      const error = new ProtocolError(`FRAME_SUBMIT: frame ${frameId} was used before`, ErrorCode.InvalidState);
      this.connection.report(this.sessionId, error);
      const scope = { sessionId: this.sessionId, frameId };
      this.connection.sendError(error.wireCode, ErrorScope.Frame, error.rawMessage, scope);
      return;
    }
    if (!this.submits.push(new NnrpSubmit(packet))) return;
    this.queuedBytes += packet.byteLength;
    const { maxQueuedSubmits, maxQueuedBytes } = this.limits;
    if (!this.holding && (this.submits.size >= maxQueuedSubmits || this.queuedBytes >= maxQueuedBytes)) {
      this.holding = true;
      this.connection.hold();
    }
  }

  private taken(submit: NnrpSubmit): void {
    this.queuedBytes -= submit.byteLength;
    const { maxQueuedSubmits, maxQueuedBytes } = this.limits;
    if (this.holding && this.submits.size * 2 <= maxQueuedSubmits && this.queuedBytes * 2 <= maxQueuedBytes) {
      this.releaseHold();
    }
  }

  private releaseHold(): void {
    if (!this.holding) return;
    this.holding = false;
    this.connection.release();
  }

  private cancelled(frameId: number): void {
    if (!this.frames.has(frameId)) return;
    this.connection.sendPlain(MessageType.ResultDrop, this.sessionId, frameId);
    this.frames.answered(frameId);
  }

  private closeRequested(packet: Packet): void {
    // Asked again: the answer to the first request answers this one.
    if (this.currentState !== 'open') return;
    this.currentState = 'closing';
    this.closeRequest = { metadata: preview3.decodeSessionClose(packet.view, packet.metadataStart) };
    this.closes.push(this.closeRequest);
    this.submits.end(new ClosedError(`session ${this.sessionId} is being closed by the client`));
  }

  private refuse(packet: Packet, info: MessageInfo): void {
    const text = `${info.name} in session ${this.sessionId}, state ${this.currentState}`;
    this.fail(new ProtocolError(text, ErrorCode.InvalidState), packet.frameId);
  }

  /** A violation that costs the session, and nothing else. */
  private fail(error: ProtocolError, frameId: number): void {
    this.connection.report(this.sessionId, error);
    this.connection.sendError(error.wireCode, ErrorScope.Session, error.rawMessage, {
      sessionId: this.sessionId,
      frameId,
    });
    this.sendSessionClose(CloseReason.ProtocolError);
    this.end(error);
  }

  private sendSessionClose(closeReason: preview3.CloseReason): void {
    const metadata: preview3.SessionClose = {
      closeReason,
      inFlightPolicy: InFlightPolicy.Abort,
      drainTimeoutMs: 0,
      lastOperationId: BigInt(this.frames.highestId),
      sessionErrorCode: SessionErrorCode.None,
      sessionCloseTag: this.sessionId,
    };
    this.connection.send(MessageType.SessionClose, this.sessionId, 0, SESSION_CLOSE, metadata);
    this.connection.closeSent(this.sessionId);
  }

  private requireInFlight(frameId: number): void {
    if (this.frames.has(frameId)) return;
    if (this.currentState === 'closed') throw new ClosedError(`session ${this.sessionId} is closed`);
    throw new UsageError(
      `session ${this.sessionId}: frame ${frameId} waits for no answer (answered, cancelled or unknown)`,
    );
  }

  private dropInFlight(): void {
    for (const frameId of this.frames.clear()) {
      this.connection.sendPlain(MessageType.ResultDrop, this.sessionId, frameId);
    }
  }

  private end(reason: NnrpError): void {
    if (this.currentState === 'closed') return;
    this.currentState = 'closed';
    this.reason = reason;
    this.submits.drain();
    this.submits.end(reason);
    this.closes.end(reason);
    this.frames.clear();
    this.releaseHold();
    this.connection.sessionEnded(this);
  }
}
