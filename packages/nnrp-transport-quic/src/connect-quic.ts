import { UsageError } from 'nnrp-core';
import { NnrpClient, type NnrpClientOptions } from 'nnrp-runtime';
import { answering, connectSignal, givenClientConfig, type HostPort, transportDefaults } from 'nnrp-runtime/transport';
import type { QuicClientEndpointConfig, QuicClientEndpointOptions } from './client-endpoint-config.js';
import { QuicConnector } from './quic-connector.js';

/**
 * A client connected over QUIC. To share a UDP socket among connections to one server, use a {@link QuicConnector}.
 *
 * @param address - HOST:PORT of the server
 * @param endpoint - which certificates the client trusts, and its own; default the roots of Node.js, and none of its own
 * @param config - options of the client
 * @throws UsageError on an option that cannot work; TransportError or TimeoutError when no connection comes about; the
 * reason of `signal` when that aborts first
 */
export function connectQuic(
  address: string | HostPort,
  endpoint: QuicClientEndpointConfig | QuicClientEndpointOptions = {},
  config: NnrpClientOptions = {},
): Promise<NnrpClient> {
  return answering(() => connect(address, endpoint, config));
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
  return NnrpClient.connect(connector, { ...given, signal: connectSignal(clientConfig) });
}
