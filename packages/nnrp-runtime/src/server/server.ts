import { EventEmitter } from 'node:events';
import { ClosedError, isNnrpError, TransportError } from 'nnrp-core';
import { AsyncQueue } from '../async-queue.js';
import { emitApart } from '../emit-apart.js';
import type { HostPort } from '../transport/address.js';
import type { FramedListener, FramedTransport } from '../transport/contract.js';
import { TcpListener } from '../transport/tcp.js';
import { type NnrpServerConfig, serverConfig } from './server-config.js';
import { ServerConnection, type ServerConnectionOwner } from './server-connection.js';
import type { NnrpServerEvents } from './server-events.js';
import type { NnrpServerSession } from './server-session.js';
import { SessionTable } from './session-table.js';

/**
 * Serves sessions. Connections are accepted and their sessions opened in the background, each connection on its own;
 * `accept` hands out sessions that are open. A peer that is silent, refused or hostile never holds up `accept`.
 */
export class NnrpServer extends EventEmitter<NnrpServerEvents> {
  private readonly table = new SessionTable<NnrpServerSession>();
  private readonly connections = new Set<ServerConnection>();
  private readonly accepted = new AsyncQueue<NnrpServerSession>();
  private draining = false;
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly listener: FramedListener,
    readonly config: NnrpServerConfig,
  ) {
    super();
    void this.acceptConnections(this.owner());
  }

  /**
   * Listens on TCP.
   *
   * @param address - HOST:PORT; port 0 takes a free port, see `localAddr`
   * @throws UsageError on a configuration that cannot work, TransportError when the address cannot be bound
   */
  static async bindTcp(address: string | HostPort, config: Partial<NnrpServerConfig> = {}): Promise<NnrpServer> {
    const complete = serverConfig(config, 'tcp');
    return new NnrpServer(await TcpListener.bind(address, complete), complete);
  }

  /**
   * Serves the connections of any listener, which the server owns from now on.
   *
   * @throws UsageError when the configuration names another transport than the listener's
   */
  static fromListener(listener: FramedListener, config: Partial<NnrpServerConfig> = {}): NnrpServer {
    return new NnrpServer(listener, serverConfig(config, listener.kind));
  }

  /** Where the server listens, such as 127.0.0.1:4433. */
  get localAddr(): string {
    return this.listener.address;
  }

  /** Open sessions, those that wait for `accept` included. */
  get sessionCount(): number {
    return this.table.size;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /**
   * The next open session. Refused and lost ones are events, never rejections.
   * @throws ClosedError (as a rejection) when the server is closed, TransportError when its listener has failed
   */
  accept(): Promise<NnrpServerSession> {
    return this.accepted.next();
  }

  /** Sessions until the server is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<NnrpServerSession, void, void> {
    for (;;) {
      let session: NnrpServerSession;
      try {
        session = await this.accept();
      } catch (error) {
        if (error instanceof ClosedError) return;
        throw error;
      }
      yield session;
    }
  }

  /**
   * Closes gracefully: accepts nothing new, gives frames in progress `drainTimeoutMs` to be answered, then closes
   * every session and connection.
   */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  /** This server as its connections see it. */
  private owner(): ServerConnectionOwner {
    const { config, table } = this;
    return {
      config,
      table,
      isDraining: () => this.draining,
      sessionOpened: (session) => this.accepted.push(session),
      sessionEnded: (session) => this.accepted.remove(session),
      sessionRefused: (refusal) => emitApart<NnrpServerEvents, 'sessionRefused'>(this, 'sessionRefused', refusal),
      protocolViolation: (violation) =>
        emitApart<NnrpServerEvents, 'protocolViolation'>(this, 'protocolViolation', violation),
      connectionEnded: (connection, loss) => {
        this.connections.delete(connection);
        if (!(loss.error instanceof ClosedError))
          emitApart<NnrpServerEvents, 'connectionLost'>(this, 'connectionLost', loss);
      },
    };
  }

  private async acceptConnections(owner: ServerConnectionOwner): Promise<void> {
    for (;;) {
      let transport: FramedTransport;
      try {
        transport = await this.listener.accept();
      } catch (error) {
        if (this.draining) return;
        const reason = isNnrpError(error) ? error : new TransportError(`listener: ${String(error)}`, { cause: error });
        this.accepted.end(reason);
        if (!(reason instanceof ClosedError))
          emitApart<NnrpServerEvents, 'listenerFailed'>(this, 'listenerFailed', reason);
        return;
      }
      if (this.draining || this.connections.size >= this.config.maxConnections) {
        transport.abort();
      } else {
        const connection = new ServerConnection(transport, owner);
        // Known before it starts: it may end at once.
        this.connections.add(connection);
        connection.start();
      }
    }
  }

  private async shutDown(): Promise<void> {
    this.draining = true;
    await this.listener.close();
    await this.drain();
    for (const session of [...this.table.values()]) void session.close();
    const closed = new ClosedError('the server was closed');
    await Promise.all([...this.connections].map((connection) => connection.close(closed)));
    this.accepted.drain();
    this.accepted.end(closed);
  }

  private async drain(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.config.drainTimeoutMs);
    });
    const idle = Promise.all([...this.table.values()].map((session) => session.whenIdle()));
    await Promise.race([idle, timeout]);
    clearTimeout(timer);
  }
}
