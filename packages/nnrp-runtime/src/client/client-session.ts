import {
  ClosedError,
  describeFault,
  type MessageInfo,
  type NnrpError,
  type Packet,
  PeerError,
  ProtocolError,
  preview3,
  UsageError,
  type WireFault,
} from 'nnrp-core';
import { type BodyInput, bodyBytes } from '../connection/body-bytes.js';
import { FRAME_SUBMIT, SESSION_CLOSE, SESSION_CLOSE_ACK } from '../connection/codecs.js';
import type { SessionConnection, SessionEndpoint } from '../connection/session-endpoint.js';
import { type CloseOptions, type SubmitInit, submitMetadata } from './client-messages.js';
import { ClientOperation, type OperationOwner } from './client-operation.js';
import { CloseHandshake } from './close-handshake.js';
import { NnrpResult } from './nnrp-result.js';
import { peerError } from './peer-error.js';

const { CloseReason, CloseStatus, ErrorCode, ErrorScope, InFlightPolicy, MessageType, SessionErrorCode } = preview3;
/** The last frame id: one more would not fit the header. */
const MAX_FRAME_ID = 0xfffffffe;

/** What a client's session needs of its connection besides sending. */
export interface ClientSessionConnection extends SessionConnection {
  resultBuffered(bytes: number): void;
  resultConsumed(bytes: number): void;
  /** A request waits for its answer: reading must go on until it has come, whatever waits unread. */
  answerAwaited(): void;
  answerCame(): void;
  /** Reports a message that belongs to nothing this client waits for. */
  stray(packet: Packet, info: MessageInfo): void;
  peerReported(error: PeerError, sessionId: number): void;
  violation(error: ProtocolError, sessionId: number): void;
  sessionEnded(session: NnrpClientSession): void;
}

/** One session of a client: submits work and receives its results, until it is closed. */
export class NnrpClientSession {
  private readonly operations = new Map<number, ClientOperation>();
  private readonly owner: OperationOwner;
  private readonly slotWaiters: { resolve: () => void; reject: (error: NnrpError) => void }[] = [];
  private lastFrameId = 0;
  private closing: CloseHandshake | undefined;
  private reason: NnrpError | undefined;

  /** Made by the client; applications get sessions from `openSession`. */
  constructor(
    private readonly connection: ClientSessionConnection,
    /** What the server granted. */
    readonly ack: preview3.SessionOpenAck,
    private readonly closeTimeoutMs: number,
  ) {
    this.owner = {
      buffered: (bytes) => connection.resultBuffered(bytes),
      consumed: (bytes) => connection.resultConsumed(bytes),
    };
    const endpoint: SessionEndpoint = {
      receive: (packet, info) => this.receive(packet, info),
      violated: (packet, info, fault) => this.violated(packet, info, fault),
      disconnected: (error) => this.end(error),
    };
    connection.attach(ack.sessionId, endpoint);
  }

  get sessionId(): number {
    return this.ack.sessionId;
  }

  /** Operations without their last answer. */
  get inFlightCount(): number {
    return this.operations.size;
  }

  /** Why the session is over; undefined while it is not. */
  get endReason(): NnrpError | undefined {
    return this.reason;
  }

  /**
   * Submits work. Waits while as many operations are in progress as the server allows, and while the connection is
   * full.
   *
   * @param body - text is sent as UTF-8; bytes are not copied unless they are few, and sent some time after the promise
   * resolves: do not change them any more
   * @throws (as a rejection) WireError when the metadata is refused, ClosedError or TransportError when the session is over
   */
  async submit(body: BodyInput, metadata: SubmitInit = {}): Promise<ClientOperation> {
    const limit = this.ack.maxInFlightOperations;
    while (limit > 0 && this.operations.size >= limit) await this.slot();
    const operation = this.startInSlot(bodyBytes(body), metadata);
    await this.connection.whenDrained();
    return operation;
  }

  /**
   * Closes the session and waits for the server to confirm. Results that arrive before the confirmation are delivered;
   * operations that have none by then fail. Calling it again returns the same promise.
   * @throws (as a rejection) TimeoutError when the server does not answer in time and TransportError when the connection
   * is lost, with the session over; PeerError when the server refuses, with the session as open as before
   */
  close(options: Partial<CloseOptions> = {}): Promise<void> {
    if (this.closing === undefined && this.reason !== undefined) return Promise.resolve();
    try {
      this.closing ??= this.requestClose(options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.closing.result;
  }

  /** A submit that is refused after waiting for its turn hands the turn on. */
  private startInSlot(body: Uint8Array, metadata: SubmitInit): ClientOperation {
    try {
      return this.start(body, metadata);
    } catch (error) {
      this.slotWaiters.shift()?.resolve();
      throw error;
    }
  }

  private start(body: Uint8Array, metadata: SubmitInit): ClientOperation {
    if (this.reason !== undefined) throw this.reason;
    if (this.closing !== undefined) throw new ClosedError(`session ${this.sessionId} is being closed`);
    if (this.lastFrameId >= MAX_FRAME_ID) throw new UsageError(`session ${this.sessionId}: the frame ids are used up`);
    const frameId = this.lastFrameId + 1;
    const operation = new ClientOperation(frameId, this.owner);
    // The id counts as used only once the submit could be encoded.
    this.connection.send(
      MessageType.FrameSubmit,
      this.sessionId,
      frameId,
      FRAME_SUBMIT,
      submitMetadata(metadata),
      body,
    );
    this.lastFrameId = frameId;
    this.operations.set(frameId, operation);
    return operation;
  }

  private slot(): Promise<void> {
    if (this.reason !== undefined) return Promise.reject(this.reason);
    return new Promise((resolve, reject) => this.slotWaiters.push({ resolve, reject }));
  }

  private finished(frameId: number): void {
    this.operations.delete(frameId);
    this.slotWaiters.shift()?.resolve();
  }

  private receive(packet: Packet, info: MessageInfo): void {
    switch (packet.messageType) {
      case MessageType.ResultPush:
        this.resultArrived(packet, info);
        break;
      case MessageType.ResultDrop: {
        const error = new PeerError('NNRP_ERR_RESULT_DROPPED', `frame ${packet.frameId} was dropped by the server`, 0);
        if (!this.failOperation(packet.frameId, error)) this.connection.stray(packet, info);
        break;
      }
      case MessageType.SessionCloseAck:
        this.closeAnswered(packet, info);
        break;
      case MessageType.SessionClose:
        this.closedByServer(packet);
        break;
      case MessageType.Error:
        this.errorArrived(packet);
        break;
      case MessageType.FlowUpdate:
      case MessageType.ResultHint:
        break;
      default:
        this.connection.stray(packet, info);
    }
  }

  private resultArrived(packet: Packet, info: MessageInfo): void {
    const { frameId } = packet;
    const operation = this.operations.get(frameId);
    if (operation === undefined) {
      this.connection.stray(packet, info);
      return;
    }
    const result = new NnrpResult(packet);
    operation.push(result);
    if (!result.partial) this.finished(frameId);
  }

  private errorArrived(packet: Packet): void {
    const message = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
    const error = peerError(message, packet.body);
    if (message.errorScope === ErrorScope.Frame) this.failOperation(message.relatedFrameId || packet.frameId, error);
    this.connection.peerReported(error, this.sessionId);
    if (message.errorScope === ErrorScope.Session && message.isFatal === 1) this.end(error);
  }

  private failOperation(frameId: number, error: NnrpError): boolean {
    const operation = this.operations.get(frameId);
    if (operation === undefined) return false;
    operation.fail(error);
    this.finished(frameId);
    return true;
  }

  private closedByServer(packet: Packet): void {
    const close = preview3.decodeSessionClose(packet.view, packet.metadataStart);
    const ack: preview3.SessionCloseAck = {
      closeStatus: CloseStatus.Closed,
      lastOperationId: close.lastOperationId,
      sessionErrorCode: SessionErrorCode.None,
    };
    this.connection.send(MessageType.SessionCloseAck, this.sessionId, 0, SESSION_CLOSE_ACK, ack);
    this.end(new ClosedError(`session ${this.sessionId} was closed by the server, reason ${close.closeReason}`));
  }

  private violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    const error = new ProtocolError(`${info.name}: ${describeFault(fault)}`, ErrorCode.MalformedBody, fault);
    this.connection.violation(error, this.sessionId);
    if (packet.messageType === MessageType.ResultPush && this.failOperation(packet.frameId, error)) return;
    this.sendClose(CloseReason.ProtocolError, InFlightPolicy.Abort);
    this.end(error);
  }

  private requestClose(options: Partial<CloseOptions>): CloseHandshake {
    const { drainTimeoutMs = 0 } = options;
    this.sendClose(options.reason ?? CloseReason.ClientShutdown, options.inFlightPolicy, drainTimeoutMs);
    this.connection.answerAwaited();
    return new CloseHandshake(this.sessionId, this.closeTimeoutMs + drainTimeoutMs, (error) => this.end(error));
  }

  /** acknowledged and draining announce a later answer; results are taken until it comes. */
  private closeAnswered(packet: Packet, info: MessageInfo): void {
    const { closeStatus, sessionErrorCode } = preview3.decodeSessionCloseAck(packet.view, packet.metadataStart);
    if (this.closing === undefined) {
      this.connection.stray(packet, info);
    } else if (closeStatus === CloseStatus.Closed) {
      this.end(new ClosedError(`session ${this.sessionId} was closed`));
    } else if (closeStatus === CloseStatus.Rejected) {
      const text = `session ${this.sessionId}: the server refuses to close it`;
      this.closing.failed(new PeerError('NNRP_ERR_CLOSE_REJECTED', text, sessionErrorCode));
      this.closing = undefined;
      this.connection.answerCame();
    }
  }

  private sendClose(
    closeReason: preview3.CloseReason,
    inFlightPolicy: preview3.InFlightPolicy = InFlightPolicy.Drain,
    drainTimeoutMs = 0,
  ): void {
    const metadata: preview3.SessionClose = {
      closeReason,
      inFlightPolicy,
      drainTimeoutMs,
      lastOperationId: BigInt(this.lastFrameId),
      sessionErrorCode: SessionErrorCode.None,
      sessionCloseTag: this.sessionId,
    };
    this.connection.send(MessageType.SessionClose, this.sessionId, 0, SESSION_CLOSE, metadata);
  }

  private end(reason: NnrpError): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.connection.sessionEnded(this);
    for (const operation of this.operations.values()) operation.fail(reason);
    this.operations.clear();
    for (const waiter of this.slotWaiters.splice(0)) waiter.reject(reason);
    if (this.closing === undefined) return;
    this.connection.answerCame();
    if (reason instanceof ClosedError) this.closing.confirmed();
    else this.closing.failed(reason);
  }
}
