import { type Packet, preview3 } from 'nnrp-core';
import { AsyncQueue } from '../src/async-queue.js';
import { NnrpClient } from '../src/client/client.js';
import type { NnrpClientConfig } from '../src/client/client-config.js';
import type { NnrpClientSession } from '../src/client/client-session.js';
import type { FramedTransport } from '../src/transport/contract.js';
import { memoryPair } from '../src/transport/memory.js';
import { packetBytes } from './wire-packets.js';

const { MessageType } = preview3;

/** A server that says what a test tells it to, in memory: for answers that the real one does not give. */
export class ScriptedServer {
  readonly client: NnrpClient;
  private readonly transport: FramedTransport;
  private readonly packets = new AsyncQueue<Packet>();

  constructor(config: Partial<NnrpClientConfig> = {}) {
    const [client, server] = memoryPair();
    this.transport = server;
    server.start({
      packet: (packet) => void this.packets.push(packet),
      broken: () => {},
      drained: () => {},
      closed: () => {},
    });
    this.client = NnrpClient.fromTransport(client, config);
  }

  /** The client's next packet. */
  next(): Promise<Packet> {
    return this.packets.next();
  }

  send(bytes: Uint8Array): void {
    this.transport.send({
      headBytes: bytes.length,
      writeHead: (view, start) => new Uint8Array(view.buffer, view.byteOffset + start, bytes.length).set(bytes),
      body: new Uint8Array(0),
    });
  }

  /** Opens a session with this id on the client. */
  async open(sessionId: number): Promise<NnrpClientSession> {
    const opened = this.client.openSession();
    await this.next();
    const metadata = new Uint8Array(preview3.SESSION_OPEN_ACK_BYTES);
    const ack: preview3.SessionOpenAck = {
      sessionId,
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
      serverSessionTag: BigInt(sessionId),
      routeScopeId: 0,
      sessionErrorCode: 0,
      sessionFlagsAck: 0,
    };
    preview3.encodeSessionOpenAck(ack, new DataView(metadata.buffer));
    this.send(packetBytes(MessageType.SessionOpenAck, sessionId, 0, metadata));
    return opened;
  }

  closeAck(sessionId: number, closeStatus: preview3.CloseStatus): void {
    const metadata = new Uint8Array(preview3.SESSION_CLOSE_ACK_BYTES);
    const ack = { closeStatus, lastOperationId: 0n, sessionErrorCode: 0 };
    preview3.encodeSessionCloseAck(ack, new DataView(metadata.buffer));
    this.send(packetBytes(MessageType.SessionCloseAck, sessionId, 0, metadata));
  }

  drop(sessionId: number, frameId: number): void {
    this.send(packetBytes(MessageType.ResultDrop, sessionId, frameId));
  }

  error(sessionId: number, isFatal: number): void {
    const metadata = new Uint8Array(preview3.ERROR_MESSAGE_BYTES);
    const message: preview3.ErrorMessage = {
      errorCode: preview3.ErrorCode.InternalError,
      errorScope: preview3.ErrorScope.Session,
      isFatal,
      retryAfterMs: 0,
      relatedSessionId: sessionId,
      relatedFrameId: 0,
      relatedViewId: 0,
      diagnosticBytes: 0,
    };
    preview3.encodeErrorMessage(message, new DataView(metadata.buffer));
    this.send(packetBytes(MessageType.Error, sessionId, 0, metadata));
  }
}
