import type { Logger } from '../base/application/logger.js';
import { tellChannels } from '../base/diagnostics/channel-observer.js';
import { answering } from '../base/promises/settled.js';
import { usePreview4 } from '../connection/controls/loaded-preview4.js';
import { PREVIEW4_WORDS } from '../connection/controls/preview4-words.js';
import type { HostPort } from '../transport/address/address.js';
import type { FramedConnector, FramedTransport } from '../transport/contract/contract.js';
import { IpcConnector } from '../transport/ipc/ipc.js';
import { TcpConnector } from '../transport/tcp/tcp.js';
import { transportDefaults } from '../transport/tcp/tcp-options.js';
import { TlsConnector } from '../transport/tls/tls.js';
import type { TlsClientOptions } from '../transport/tls/tls-options.js';
import { ALL_ADDRESSES } from '../transport/url/transports-by-url.js';
import type { NnrpConnectOptions } from './connect-options.js';
import { clientConfig, type NnrpClientConfig, type NnrpClientOptions } from './contract/client-config.js';
import { logEvents, withoutLogger } from './logged-client.js';
import { type ClientParts, NnrpClient as PortableClient } from './portable-client.js';
import { reachByRoutes, withoutRoutes } from './routes-of-host.js';

tellChannels();
usePreview4(PREVIEW4_WORDS);

/** One connection to a server, for any number of sessions; by the sockets of Node.js, too. */
export class NnrpClient extends PortableClient {
  private static logged(logger: Logger | undefined, parts: ClientParts): NnrpClient {
    const client = new NnrpClient(...parts);
    if (logger !== undefined) logEvents(client, logger);
    return client;
  }

  /**
   * Connects over TCP.
   *
   * @param address - HOST:PORT
   * @throws TransportError or TimeoutError when no connection comes about, UsageError on a bad option; the reason of
   * `signal` when that aborts first
   */
  static connectTcp(address: string | HostPort, config: NnrpClientOptions = {}): Promise<NnrpClient> {
    return NnrpClient.socket((complete) => new TcpConnector(address, connecting(complete)), config);
  }

  /**
   * Connects over TLS. The server's certificate must lead to a trusted root and be for its name.
   *
   * @param address - HOST:PORT
   * @throws TransportError or TimeoutError when no connection comes about, UsageError on a bad option; the reason of
   * `signal` when that aborts first
   */
  static connectTls(
    address: string | HostPort,
    tls: TlsClientOptions = {},
    config: NnrpClientOptions = {},
  ): Promise<NnrpClient> {
    return NnrpClient.socket((complete) => new TlsConnector(address, tls, connecting(complete)), config);
  }

  /**
   * Connects to a Unix domain socket, or to a named pipe of Windows.
   *
   * @param address - a path; `@name` for an abstract socket of Linux; `\\.\pipe\name`
   * @throws as `connectTcp`
   */
  static connectIpc(address: string, config: NnrpClientOptions = {}): Promise<NnrpClient> {
    return NnrpClient.socket((complete) => new IpcConnector(address, connecting(complete)), config);
  }

  /**
   * Connects to an address: `nnrp://HOST:PORT` or HOST:PORT (TCP), `nnrps://` (TLS), `unix:/path`, or that of a transport that
   * has been imported, such as `nnrp+quic://`. Several addresses race: each begins 250 ms after the one before, or at once when
   * one has failed, and the first that is connected to is taken. See `transportPolicy` and `measureTransports`. With `routes` the
   * address is the name of an application, and they are the ways to it.
   *
   * @throws as `connectTcp`; TransportError that names each address with its reason; UsageError on an address that is none
   */
  static override connect(addresses: string | readonly string[], config?: NnrpConnectOptions): Promise<NnrpClient>;
  /**
   * Connects by a connector, of the application's own for example. The client keeps it, to connect again.
   *
   * @throws what the connector rejects with; UsageError on a bad option, and on what is no connector or no transport; the
   * reason of `signal`
   */
  static override connect(connector: FramedConnector, config?: NnrpClientOptions): Promise<NnrpClient>;
  static override connect(
    where: string | readonly string[] | FramedConnector,
    config: NnrpConnectOptions = {},
  ): Promise<NnrpClient> {
    return answering(() => {
      const [rest, logger] = withoutLogger(config);
      const make = (...parts: ClientParts) => NnrpClient.logged(logger, parts);
      const routes = config?.routes;
      if (routes === undefined) return NnrpClient.reach(make, ALL_ADDRESSES, where, withoutRoutes(rest));
      return NnrpClient.reach(make, ...reachByRoutes(where, routes, rest));
    }, config);
  }

  /** Uses any transport, which the client owns from now on; it cannot connect again. @throws UsageError on a bad option, or what is no transport; a transport is aborted */
  static override fromTransport(transport: FramedTransport, config: NnrpClientOptions = {}): NnrpClient {
    const [rest, logger] = withoutLogger(config);
    return NnrpClient.wrap((...parts) => NnrpClient.logged(logger, parts), transport, rest);
  }

  private static socket(
    connectorOf: (complete: NnrpClientConfig) => FramedConnector,
    config: NnrpClientOptions,
  ): Promise<NnrpClient> {
    return answering(() => {
      const [rest, logger] = withoutLogger(config);
      const complete = clientConfig(rest);
      return NnrpClient.by((...parts) => NnrpClient.logged(logger, parts), connectorOf(complete), complete, rest);
    }, config);
  }
}

function connecting(config: NnrpClientConfig) {
  return { ...transportDefaults(config), connectTimeoutMs: config.connectTimeoutMs };
}
