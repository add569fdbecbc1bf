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
  UsageError,
  type WireFault,
} from 'nnrp-core';
import { FRAME_SUBMIT, SESSION_CLOSE, SESSION_CLOSE_ACK } from '../connection/codecs.js';
import type { SessionConnection, SessionEndpoint } from '../connection/session-endpoint.js';
import { type CloseOptions, type SubmitInit, submitMetadata } from './client-messages.js';
import { ClientOperation, type OperationOwner } from './client-operation.js';
import { NnrpResult } from './nnrp-result.js';
import { peerError } from './peer-error.js';

const { CloseReason, CloseStatus, ErrorCode, ErrorScope, InFlightPolicy, MessageType, SessionErrorCode } = preview3;
const UTF8 = new TextEncoder();
/** The last frame id: one more would not fit the header. */
const MAX_FRAME_ID = 0xfffffffe;

/** What a client's session needs of its connection besides sending. */
export interface ClientSessionConnection extends SessionConnection {
  resultBuffered(bytes: number): void;
  resultConsumed(bytes: number): void;
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
  private closing: Promise<void> | undefined;
  private closeAnswered: ((ack: preview3.SessionCloseAck) => void) | undefined;
  private reason: NnrpError | undefined;
  private ended: () => void = () => {};

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
  async submit(body: Uint8Array | string, metadata: SubmitInit = {}): Promise<ClientOperation> {
    const limit = this.ack.maxInFlightOperations;
    while (limit > 0 && this.operations.size >= limit) await this.slot();
    const operation = this.startInSlot(typeof body === 'string' ? UTF8.encode(body) : body, metadata);
    await this.connection.whenDrained();
    return operation;
  }

  /**
   * Closes the session and waits for the server to confirm. Results that arrive before the confirmation are delivered;
   * operations that have none by then fail. Calling it again returns the same promise.
   * @throws (as a rejection) TimeoutError when the server does not answer, PeerError when it refuses; the session is
   * over in any case
   */
  close(options: Partial<CloseOptions> = {}): Promise<void> {
    this.closing ??= this.reason === undefined ? this.shake(options) : Promise.resolve();
    return this.closing;
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
        if (this.closeAnswered === undefined) this.connection.stray(packet, info);
        else this.closeAnswered(preview3.decodeSessionCloseAck(packet.view, packet.metadataStart));
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
    this.end(error);
  }

  private async shake(options: Partial<CloseOptions>): Promise<void> {
    const { reason = CloseReason.ClientShutdown, inFlightPolicy = InFlightPolicy.Drain, drainTimeoutMs = 0 } = options;
    const metadata: preview3.SessionClose = {
      closeReason: reason,
      inFlightPolicy,
      drainTimeoutMs,
      lastOperationId: BigInt(this.lastFrameId),
      sessionErrorCode: SessionErrorCode.None,
      sessionCloseTag: this.sessionId,
    };
    const answered = new Promise<preview3.SessionCloseAck | undefined>((resolve) => {
      this.closeAnswered = resolve;
      this.ended = () => resolve(undefined);
    });
    this.connection.send(MessageType.SessionClose, this.sessionId, 0, SESSION_CLOSE, metadata);
    const timeoutMs = this.closeTimeoutMs + drainTimeoutMs;
    const ack = await withTimeout(answered, timeoutMs);
    this.closeAnswered = undefined;
    const connectionLost = this.reason;
    this.end(new ClosedError(`session ${this.sessionId} was closed`));
    if (ack === 'timeout') {
      throw new TimeoutError(
        `session ${this.sessionId}: the close was not confirmed within ${timeoutMs} ms`,
        timeoutMs,
      );
    }
    if (ack === undefined && connectionLost !== undefined && !(connectionLost instanceof ClosedError))
      throw connectionLost;
    if (ack?.closeStatus === CloseStatus.Rejected) {
      throw new PeerError('NNRP_ERR_CLOSE_REJECTED', `session ${this.sessionId}: close refused`, ack.sessionErrorCode);
    }
  }

  private end(reason: NnrpError): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.connection.sessionEnded(this);
    for (const operation of this.operations.values()) operation.fail(reason);
    this.operations.clear();
    for (const waiter of this.slotWaiters.splice(0)) waiter.reject(reason);
    this.ended();
  }
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T | 'timeout'> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
