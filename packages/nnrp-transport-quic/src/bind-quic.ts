import { shownWord, UsageError } from 'nnrp-core';
import { NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import { answering, givenServerConfig, type HostPort, transportDefaults } from 'nnrp-runtime/transport';
import { TRANSPORT_KIND } from './quic-framed-transport.js';
import { QuicFramedListener } from './quic-listener.js';
import {
  holdsServerConfig,
  isServerConfig,
  QuicServerEndpointConfig,
  type QuicServerEndpointOptions,
  requireServerConfig,
} from './server-endpoint-config.js';

/**
 * A server that listens for QUIC.
 *
 * @param address - HOST:PORT; port 0 takes a free one, see `localAddress`
 * @param endpoint - certificate chain and private key, client certificates if wanted, limits of the transport
 * @param config - options of the server; `transport` is quic, and need not be said
 * @throws UsageError on an option that cannot work; TransportError when the address cannot be bound, or QUIC is not to
 * be had on this platform
 */
export function bindQuic(
  address: string | HostPort,
  endpoint: QuicServerEndpointOptions,
  config?: NnrpServerOptions,
): Promise<NnrpServer>;
/** The same with a configuration that was made before, such as `QuicServerEndpointConfig.selfSignedLocalhost`; it has its address. */
export function bindQuic(endpoint: QuicServerEndpointConfig, config?: NnrpServerOptions): Promise<NnrpServer>;
export function bindQuic(
  where: string | HostPort | QuicServerEndpointConfig,
  second?: QuicServerEndpointOptions | NnrpServerOptions,
  third?: NnrpServerOptions,
): Promise<NnrpServer> {
  return answering(() => {
    if (isServerConfig(where)) {
      if (third === undefined) return bind(where, second as NnrpServerOptions | undefined);
      throw new UsageError(
        'bindQuic: after a QuicServerEndpointConfig come the options of the server, and nothing else',
      );
    }
    if (holdsServerConfig(where)) requireServerConfig(where);
    if (isServerConfig(second) || holdsServerConfig(second))
      throw new UsageError('bindQuic: a QuicServerEndpointConfig has its address; give it in place of the address');
    return bind(new QuicServerEndpointConfig(where, second as QuicServerEndpointOptions), third);
  });
}

/** @throws what {@link bindQuic} rejects with; at once, or by the promise */
export function bind(
  endpointConfig: QuicServerEndpointConfig,
  serverConfig: NnrpServerOptions = {},
): Promise<NnrpServer> {
  if (typeof serverConfig !== 'object' || serverConfig === null)
    throw new UsageError('serverConfig: expected an object');
  const { transport = TRANSPORT_KIND } = serverConfig;
  if (transport !== TRANSPORT_KIND) {
    throw new UsageError(
      `transport: a server of QUIC serves quic, but the configuration is for ${shownWord(transport)}`,
    );
  }
  const given = { ...givenServerConfig(serverConfig), transport };
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
