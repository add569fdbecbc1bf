import { EventEmitter } from 'node:events';
import {
  ClosedError,
  type MessageInfo,
  type NnrpError,
  type Packet,
  type PeerError,
  type ProtocolError,
} from 'nnrp-core';
import { emitApart } from '../emit-apart.js';
import type { HostPort } from '../transport/address.js';
import type { FramedTransport } from '../transport/contract.js';
import { TcpConnector } from '../transport/tcp.js';
import { clientConfig, type NnrpClientConfig, type SessionOptions } from './client-config.js';
import { ClientConnection } from './client-connection.js';
import type { NnrpClientSession } from './client-session.js';

/** What a client reports besides results. Listening is optional; nothing is thrown when nobody does. */
export interface NnrpClientEvents {
  /** A message that belongs to nothing this client waits for; it has no other effect. */
  stray: [{ readonly packet: Packet; readonly message: MessageInfo }];
  /** The server reported a failure (ERROR); `sessionId` 0 = the connection. */
  peerError: [{ readonly error: PeerError; readonly sessionId: number }];
  /** The server broke a rule. */
  protocolViolation: [{ readonly error: ProtocolError; readonly sessionId: number }];
  /** The connection is over. */
  closed: [NnrpError];
}

/** One connection to a server, for any number of sessions. */
export class NnrpClient extends EventEmitter<NnrpClientEvents> {
  private readonly connection: ClientConnection;

  private constructor(transport: FramedTransport, config: NnrpClientConfig) {
    super();
    this.connection = new ClientConnection(transport, config, {
      stray: (packet, message) => emitApart<NnrpClientEvents, 'stray'>(this, 'stray', { packet, message }),
      peerError: (error, sessionId) =>
        emitApart<NnrpClientEvents, 'peerError'>(this, 'peerError', { error, sessionId }),
      protocolViolation: (error, sessionId) =>
        emitApart<NnrpClientEvents, 'protocolViolation'>(this, 'protocolViolation', { error, sessionId }),
      closed: (error) => emitApart<NnrpClientEvents, 'closed'>(this, 'closed', error),
    });
  }

  /**
   * Connects over TCP.
   *
   * @param address - HOST:PORT
   * @throws TransportError or TimeoutError when no connection comes about, UsageError on a bad option
   */
  static async connectTcp(address: string | HostPort, config: Partial<NnrpClientConfig> = {}): Promise<NnrpClient> {
    const complete = clientConfig(config);
    return new NnrpClient(await new TcpConnector(address, complete).connect(), complete);
  }

  /** Uses any transport, which the client owns from now on. */
  static fromTransport(transport: FramedTransport, config: Partial<NnrpClientConfig> = {}): NnrpClient {
    return new NnrpClient(transport, clientConfig(config));
  }

  /**
   * Opens a session; several may live on one connection.
   *
   * @throws (as a rejection) PeerError with the server's session_error_code when it refuses, TimeoutError when it does
   * not answer, TransportError or ClosedError when the connection is over, WireError when an option does not fit
   */
  openSession(options: Partial<SessionOptions> = {}): Promise<NnrpClientSession> {
    return this.connection.open(options);
  }

  /** Closes every session, then the connection. Never rejects: a server that does not answer is left behind. */
  async close(): Promise<void> {
    await this.connection.closeSessions();
    await this.connection.close(new ClosedError('the client was closed'));
  }
}
