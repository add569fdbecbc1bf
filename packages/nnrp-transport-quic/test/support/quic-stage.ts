import { NnrpClient, type NnrpClientOptions, NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import { vi } from 'vitest';
import type { QuicClientEndpointOptions } from '../../src/client-endpoint-config.js';
import type { QuinnModule } from '../../src/module/quinn-module.js';
import { QuicConnector } from '../../src/quic-connector.js';
import { QuicFramedListener } from '../../src/quic-listener.js';
import { QuicProvider } from '../../src/quic-provider.js';
import { quinnEngine } from '../../src/quinn/quinn-engine.js';
import type { QuinnServerSocket } from '../../src/quinn/quinn-server-socket.js';
import { QuicServerEndpointConfig, type QuicServerOptions } from '../../src/server-endpoint-config.js';
import { UdpProxy, type Weather } from './udp-proxy.js';

/** Milliseconds that any single wait of a test may take. */
export const PATIENCE_MS = 15_000;

/** What a test has started, all of it over QUIC; `clear` ends it. */
export class QuicStage {
  private readonly servers: NnrpServer[] = [];
  private readonly clients: NnrpClient[] = [];
  private readonly proxies: UdpProxy[] = [];
  private readonly sockets = new Map<NnrpServer, QuinnServerSocket>();
  private roots: Uint8Array | undefined;

  async serve(
    endpoint: QuicServerOptions = {},
    config: NnrpServerOptions = {},
    address = '127.0.0.1:0',
  ): Promise<NnrpServer> {
    const { config: settings, certificate } = QuicServerEndpointConfig.selfSignedLocalhost(address, endpoint);
    this.roots = certificate.certificateDer;
    const listens = vi.spyOn(quinnEngine, 'listen');
    const listener = await QuicFramedListener.bind(settings);
    const socket = (await listens.mock.results.at(-1)?.value) as QuinnServerSocket;
    listens.mockRestore();
    // Deadlines are on where a test is about them; elsewhere a busy machine must not drop work.
    const server = NnrpServer.fromListener(listener, { drainTimeoutMs: 0, deadlines: false, ...config });
    this.servers.push(server);
    this.sockets.set(server, socket);
    return server;
  }

  /** A server that sends back the body of every submit. */
  async echo(endpoint: QuicServerOptions = {}, config: NnrpServerOptions = {}): Promise<NnrpServer> {
    const server = await this.serve(endpoint, config);
    void server.serve({ submit: (operation) => operation.body }).catch(() => {});
    return server;
  }

  /** What the socket of a server keeps at the moment. */
  inside(server: NnrpServer): { readonly handshakes: number; readonly connections: number; readonly inModule: number } {
    const { handshakes, connections, module } = this.socketOf(server);
    return { handshakes, connections, inModule: module.openConnections };
  }

  /** What makes a server ask for proof of addresses. */
  handshakeLoad(server: NnrpServer): number {
    return this.socketOf(server).handshakeLoad;
  }

  /** The instance that has the connections of a server. */
  moduleOf(server: NnrpServer): QuinnModule {
    return this.socketOf(server).module;
  }

  private socketOf(server: NnrpServer): QuinnServerSocket {
    const socket = this.sockets.get(server);
    if (socket === undefined) throw new Error('it is a server of another stage');
    return socket;
  }

  /** Of the last server, in DER. */
  get certificate(): Uint8Array {
    if (this.roots === undefined) throw new Error('there is no server yet');
    return this.roots;
  }

  /** What a client of the last server is told. */
  trust(options: QuicClientEndpointOptions = {}): QuicClientEndpointOptions {
    return { ...(this.roots !== undefined && { roots: this.roots }), ...options };
  }

  connector(address: string, options: QuicClientEndpointOptions = {}): QuicConnector {
    return new QuicConnector(address, this.trust(options));
  }

  async connect(
    address: string,
    options: QuicClientEndpointOptions = {},
    config: NnrpClientOptions = {},
  ): Promise<NnrpClient> {
    return this.adopt(await QuicProvider.connect(address, this.trust(options), config));
  }

  /** One more connection of a connector. */
  async connectBy(connector: QuicConnector, config: NnrpClientOptions = {}): Promise<NnrpClient> {
    return this.adopt(NnrpClient.fromTransport(await connector.connect(), config));
  }

  async proxy(server: NnrpServer, weather: Weather = {}): Promise<UdpProxy> {
    const proxy = await UdpProxy.before(server.localAddress, weather);
    this.proxies.push(proxy);
    return proxy;
  }

  /** So that a test can end it, or leave it to `clear`. */
  adopt(client: NnrpClient): NnrpClient {
    this.clients.push(client);
    return client;
  }

  async clear(): Promise<void> {
    for (const proxy of this.proxies) {
      proxy.dark = false;
      proxy.weather = {};
    }
    await Promise.all(this.clients.splice(0).map((client) => client.close().catch(() => {})));
    await Promise.all(this.servers.splice(0).map((server) => server.close()));
    for (const proxy of this.proxies.splice(0)) proxy.close();
  }
}
