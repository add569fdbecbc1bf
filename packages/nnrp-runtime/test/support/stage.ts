import { NnrpClient } from '../../src/client/client.js';
import type { NnrpClientOptions, SessionOptions } from '../../src/client/contract/client-config.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import type { NnrpServerSession } from '../../src/server/contract/contract.js';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import { NnrpServer } from '../../src/server/server.js';
import type { FramedListener, FramedTransport } from '../../src/transport/contract/contract.js';
import { carrier } from './carrier.js';
import { RawPeer } from './raw-peer.js';

/** A server and a client connected to it. */
export interface Pair {
  readonly server: NnrpServer;
  readonly client: NnrpClient;
}

/** Both ends of one session. */
export interface OpenSession extends Pair {
  readonly session: NnrpServerSession;
  readonly clientSession: NnrpClientSession;
}

/** What a test has started, all of it over the carrier of the project; `clear` ends it. */
export class Stage {
  private readonly servers: NnrpServer[] = [];
  private readonly transports = new Map<NnrpClient, FramedTransport>();
  private readonly peers: RawPeer[] = [];

  async serve(config: NnrpServerOptions = {}): Promise<NnrpServer> {
    // Deadlines are on where a test is about them; elsewhere a busy machine must not drop work.
    const server = await carrier.bind({ drainTimeoutMs: 0, deadlines: false, ...config });
    this.servers.push(server);
    return server;
  }

  /** A server of this listener, which it shares with the test. */
  serveOn(listener: FramedListener, config: NnrpServerOptions = {}): NnrpServer {
    const server = NnrpServer.fromListener(listener, { drainTimeoutMs: 0, deadlines: false, ...config });
    this.servers.push(server);
    return server;
  }

  async connect(server: NnrpServer, config: NnrpClientOptions = {}): Promise<NnrpClient> {
    const transport = await carrier.connect(server.localAddress);
    const client = NnrpClient.fromTransport(transport, config);
    this.transports.set(client, transport);
    return client;
  }

  async pair(config: NnrpServerOptions = {}, clientConfig: NnrpClientOptions = {}): Promise<Pair> {
    const server = await this.serve({ drainTimeoutMs: 5000, ...config });
    return { server, client: await this.connect(server, clientConfig) };
  }

  async session(
    config: NnrpServerOptions = {},
    options: SessionOptions = {},
    clientConfig: NnrpClientOptions = {},
  ): Promise<OpenSession> {
    const { server, client } = await this.pair(config, clientConfig);
    const clientSession = await client.openSession(options);
    return { server, client, session: await server.accept(), clientSession };
  }

  /** A bare connection to the server. */
  async peer(server: NnrpServer): Promise<RawPeer> {
    const peer = await RawPeer.connect(server.localAddress);
    this.peers.push(peer);
    return peer;
  }

  /** A bare connection with a session of this id on it. */
  async openPeer(server: NnrpServer, requestedSessionId: number): Promise<RawPeer> {
    const peer = await this.peer(server);
    await peer.open(requestedSessionId);
    return peer;
  }

  /** Lets the event loop turn a few times. */
  async turns(count: number): Promise<undefined> {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
    return undefined;
  }

  /** What carries a client, for tests that make it go on later. */
  transportOf(client: NnrpClient): FramedTransport {
    const transport = this.transports.get(client);
    if (transport === undefined) throw new Error('it is a client of another stage');
    return transport;
  }

  /** Makes a client vanish, without a word to the server. */
  async drop(client: NnrpClient): Promise<void> {
    const transport = this.transports.get(client);
    transport?.abort();
    await transport?.close();
  }

  /** All bare connections end; what they were connected to goes on. */
  leave(): void {
    for (const peer of this.peers.splice(0)) peer.destroy();
  }

  async clear(): Promise<void> {
    this.leave();
    for (const transport of this.transports.values()) transport.abort();
    this.transports.clear();
    await Promise.all(this.servers.splice(0).map((server) => server.close()));
  }
}
