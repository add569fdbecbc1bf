import { shownWord, UsageError } from 'nnrp-core';
import { NnrpClient, type NnrpClientOptions, NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import { answering, givenClientConfig, type HostPort } from 'nnrp-runtime/transport';
import type { QuicClientEndpointConfig, QuicClientEndpointOptions } from './client-endpoint-config.js';
import type { QuicTransportOptions } from './endpoint-options.js';
import { QuicConnector } from './quic-connector.js';
import { TRANSPORT_KIND } from './quic-framed-transport.js';
import { QuicFramedListener } from './quic-listener.js';
import type { QuicServerEndpointConfig } from './server-endpoint-config.js';

/** Servers and clients over QUIC, in one call each. */
export const QuicProvider = Object.freeze({
  /**
   * A server that listens for QUIC.
   *
   * @param serverConfig - `transport` is quic, and need not be said
   * @throws UsageError on an option that cannot work; TransportError when the address cannot be bound, or QUIC is not to
   * be had on this platform
   */
  bind(endpointConfig: QuicServerEndpointConfig, serverConfig: NnrpServerOptions = {}): Promise<NnrpServer> {
    return answering(() => bind(endpointConfig, serverConfig));
  },

  /**
   * A client connected over QUIC. To share a UDP socket among connections to one server, use a {@link QuicConnector}.
   *
   * @param endpoint - HOST:PORT of the server
   * @throws UsageError on an option that cannot work; TransportError or TimeoutError when no connection comes about
   */
  connect(
    endpoint: string | HostPort,
    endpointConfig: QuicClientEndpointConfig | QuicClientEndpointOptions,
    clientConfig: NnrpClientOptions = {},
  ): Promise<NnrpClient> {
    return answering(() => connect(endpoint, endpointConfig, clientConfig));
  },
});

function bind(endpointConfig: QuicServerEndpointConfig, serverConfig: NnrpServerOptions): Promise<NnrpServer> {
  if (typeof serverConfig !== 'object' || serverConfig === null)
    throw new UsageError('serverConfig: expected an object');
  const { transport = TRANSPORT_KIND } = serverConfig;
  if (transport !== TRANSPORT_KIND) {
    throw new UsageError(`transport: QuicProvider serves quic, but the configuration is for ${shownWord(transport)}`);
  }
  const given = { ...copied(serverConfig), transport };
  return QuicFramedListener.open(endpointConfig, transportDefaults(serverConfig)).then((listener) => {
    try {
      return NnrpServer.fromListener(listener, given);
    } catch (error) {
      return listener.close().then(() => {
        throw error;
      });
    }
  });
}

function connect(
  endpoint: string | HostPort,
  endpointConfig: QuicClientEndpointConfig | QuicClientEndpointOptions,
  clientConfig: NnrpClientOptions,
): Promise<NnrpClient> {
  if (typeof clientConfig !== 'object' || clientConfig === null)
    throw new UsageError('clientConfig: expected an object');
  const { connectTimeoutMs } = clientConfig;
  const defaults = {
    ...transportDefaults(clientConfig),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
  };
  const connector = new QuicConnector(endpoint, endpointConfig, defaults);
  // Read before the connection comes about: the application may wipe a token, or use the object for another client.
  const given = givenClientConfig(clientConfig);
  return connector.connect().then((transport) => NnrpClient.fromTransport(transport, given));
}

/** What the configuration says now: it is needed when the listener is there. */
function copied(config: NnrpServerOptions): NnrpServerOptions {
  const { supportedProfiles: profiles, supportedCacheObjects: objects } = config;
  return {
    ...config,
    ...(Array.isArray(profiles) && { supportedProfiles: [...profiles] }),
    ...(Array.isArray(objects) && { supportedCacheObjects: [...objects] }),
  };
}

/** What servers and clients are told of their transport over TCP goes for QUIC too, unless the endpoint says otherwise. */
function transportDefaults(config: QuicTransportOptions): QuicTransportOptions {
  const { highWaterBytes, maxPacketBytes, stallTimeoutMs } = config;
  return {
    ...(highWaterBytes !== undefined && { highWaterBytes }),
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
  };
}
