import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpClient } from '../../src/client/client.js';
import type { NnrpClientOptions, SessionOptions } from '../../src/client/contract/client-config.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import {
  ERROR_MESSAGE,
  FLOW_UPDATE,
  RESULT_PUSH,
  SESSION_CLOSE,
  SESSION_CLOSE_ACK,
  SESSION_OPEN_ACK,
} from '../../src/connection/sending/codecs.js';
import type { MetadataCodec } from '../../src/connection/sending/outbound-message.js';
import type { FramedTransport } from '../../src/transport/contract/contract.js';
import { carrier } from './carrier.js';
import type { BareListener } from './carrier-contract.js';
import { RawPeer } from './raw-peer.js';
import { packetBytes } from './wire-packets.js';

const { MessageType } = preview3;
const UTF8 = new TextEncoder();
const running: ScriptedServer[] = [];

/** A server that says what a test tells it to: for answers that the real one does not give. */
export class ScriptedServer {
  private constructor(
    private readonly listener: BareListener,
    /** The client that is connected to it. */
    readonly client: NnrpClient,
    /** The server's end of the connection. */
    readonly peer: RawPeer,
  ) {
    running.push(this);
  }

  /** @param watch - is given what carries the client, before the client is */
  static async start(
    config: NnrpClientOptions = {},
    watch?: (transport: FramedTransport) => void,
  ): Promise<ScriptedServer> {
    const listener = await carrier.listenBare();
    const client =
      watch === undefined
        ? await carrier.openClient(listener.address, config)
        : await ScriptedServer.watched(listener.address, config, watch);
    return new ScriptedServer(listener, client, RawPeer.over(await listener.accept()));
  }

  private static async watched(
    address: string,
    config: NnrpClientOptions,
    watch: (transport: FramedTransport) => void,
  ): Promise<NnrpClient> {
    const transport = await carrier.connect(address);
    watch(transport);
    return NnrpClient.fromTransport(transport, config);
  }

  /** Ends every server, and with it its client's connection. */
  static async clear(): Promise<void> {
    for (const server of running) server.vanish();
    await Promise.all(running.splice(0).map(({ client }) => client.closed));
  }

  /** Is gone, without a word. */
  vanish(): void {
    this.peer.destroy();
    this.listener.close();
  }

  /** The client's next packet. */
  next(what?: string): Promise<Packet> {
    return this.peer.next(what);
  }

  /** The client's next packet, which must be of this type. @throws Error when it is not */
  async expect(messageType: number): Promise<Packet> {
    const packet = await this.next(`message ${messageType}`);
    if (packet.messageType !== messageType) throw new Error(`expected ${messageType}, got ${packet.messageType}`);
    return packet;
  }

  /** Resolves when the client has read everything that was sent to it: it has answered a PING. */
  async settled(): Promise<void> {
    this.send(packetBytes(MessageType.Ping));
    await this.expect(MessageType.Pong);
  }

  send(bytes: Uint8Array): void {
    this.peer.send(bytes);
  }

  /** Sends a message. */
  tell<T>(
    messageType: preview3.MessageType,
    sessionId: number,
    frameId: number,
    codec: MetadataCodec<T>,
    value: T,
    body?: Uint8Array,
  ): void {
    const metadata = new Uint8Array(codec.bytes);
    codec.encode(value, new DataView(metadata.buffer), 0);
    this.send(packetBytes(messageType, sessionId, frameId, metadata, body));
  }

  /** Opens a session with this id on the client. */
  async open(
    sessionId: number,
    granted: Partial<preview3.SessionOpenAck> = {},
    options: SessionOptions = {},
  ): Promise<NnrpClientSession> {
    const opened = this.client.openSession(options);
    await this.expect(MessageType.SessionOpen);
    this.openAck(sessionId, granted);
    return opened;
  }

  openAck(sessionId: number, granted: Partial<preview3.SessionOpenAck> = {}, body?: Uint8Array): void {
    const ack = { ...OPENED, sessionId, serverSessionTag: BigInt(sessionId), ...granted };
    this.tell(MessageType.SessionOpenAck, sessionId, 0, SESSION_OPEN_ACK, ack, body);
  }

  close(sessionId: number, close: Partial<preview3.SessionClose> = {}): void {
    const { ServerShutdown: closeReason } = preview3.CloseReason;
    const { Drain: inFlightPolicy } = preview3.InFlightPolicy;
    const common = { drainTimeoutMs: 0, lastOperationId: 0n, sessionErrorCode: 0, sessionCloseTag: 0 };
    const metadata = { closeReason, inFlightPolicy, ...common, ...close };
    this.tell(MessageType.SessionClose, sessionId, 0, SESSION_CLOSE, metadata);
  }

  closeAck(sessionId: number, closeStatus: preview3.CloseStatus, lastOperationId = 0n): void {
    const ack = { closeStatus, lastOperationId, sessionErrorCode: 0 };
    this.tell(MessageType.SessionCloseAck, sessionId, 0, SESSION_CLOSE_ACK, ack);
  }

  result(sessionId: number, frameId: number, text = '', metadata: Partial<preview3.ResultPush> = {}): void {
    this.tell(MessageType.ResultPush, sessionId, frameId, RESULT_PUSH, { ...COMPLETE, ...metadata }, UTF8.encode(text));
  }

  partial(sessionId: number, frameId: number, text = ''): void {
    this.result(sessionId, frameId, text, { resultClass: preview3.ResultClass.Partial });
  }

  drop(sessionId: number, frameId: number): void {
    this.send(packetBytes(MessageType.ResultDrop, sessionId, frameId));
  }

  /** FLOW_UPDATE; connection scope for session 0, session scope otherwise, unless it says more. */
  flow(sessionId: number, creditEpoch: number, update: Partial<preview3.FlowUpdate> = {}): void {
    const scopeKind = sessionId === 0 ? preview3.ScopeKind.Connection : preview3.ScopeKind.Session;
    this.tell(MessageType.FlowUpdate, sessionId, 0, FLOW_UPDATE, { ...NOTHING_NEW, scopeKind, creditEpoch, ...update });
  }

  /** ERROR of session scope, unless it says more. */
  error(sessionId: number, isFatal: number, message: Partial<preview3.ErrorMessage> = {}, text = ''): void {
    const body = UTF8.encode(text);
    const common = { retryAfterMs: 0, relatedFrameId: 0, relatedViewId: 0, diagnosticBytes: body.length };
    const metadata: preview3.ErrorMessage = {
      errorCode: preview3.ErrorCode.InternalError,
      errorScope: preview3.ErrorScope.Session,
      isFatal,
      relatedSessionId: sessionId,
      ...common,
      ...message,
    };
    this.tell(MessageType.Error, sessionId, metadata.relatedFrameId, ERROR_MESSAGE, metadata, body);
  }
}

/** What a server grants. */
export const OPENED: preview3.SessionOpenAck = {
  sessionId: 0,
  acceptedProfileId: preview3.ProfileId.Token,
  acceptedPriorityClass: preview3.SessionPriorityClass.Balanced,
  sessionStatus: preview3.SessionStatus.Opened,
  schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
  schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
  grantedOperationCredit: 2,
  maxInFlightOperations: 4,
  leaseTtlMs: 0,
  resumeWindowMs: 0,
  resumeTokenBytes: 0,
  sessionExtensionBytes: 0,
  serverSessionTag: 0n,
  routeScopeId: 0,
  sessionErrorCode: 0,
  sessionFlagsAck: 0,
};

/** A last result. */
export const COMPLETE: preview3.ResultPush = {
  statusCode: 200,
  resultFlags: 0,
  sectionCount: 0,
  tileCount: 0,
  activeProfileId: preview3.ProfileId.Token,
  inferenceMs: 0,
  queueMs: 0,
  serverTotalMs: 0,
  tileBaseId: 0,
  tileIndexBytes: 0,
  resultClass: preview3.ResultClass.Complete,
  appliedBudgetPolicy: 0,
  reusedFrameId: 0,
  coveredTileCount: 0,
  droppedTileCount: 0,
  payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk,
  payloadFrameCount: 1,
};

const NOTHING_NEW: preview3.FlowUpdate = {
  scopeKind: preview3.ScopeKind.Session,
  updateReason: preview3.UpdateReason.Grant,
  backpressureLevel: preview3.BackpressureLevel.None,
  connectionCredit: 0,
  sessionCredit: 0,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 0,
  creditEpoch: 0,
  flowFlags: 0,
};
