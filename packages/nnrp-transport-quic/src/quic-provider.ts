import type { NnrpClient, NnrpClientOptions, NnrpServer, NnrpServerOptions } from 'nnrp-runtime';
import { answering, type HostPort } from 'nnrp-runtime/transport';
import { bind } from './bind-quic.js';
import type { QuicClientEndpointConfig, QuicClientEndpointOptions } from './client-endpoint-config.js';
import { connectQuic } from './connect-quic.js';
import type { QuicServerEndpointConfig } from './server-endpoint-config.js';

/** `bindQuic` and `connectQuic` as the calls of one object. */
export const QuicProvider = Object.freeze({
  /** A server that listens where its endpoint says; see `bindQuic`. */
  bind(endpointConfig: QuicServerEndpointConfig, serverConfig: NnrpServerOptions = {}): Promise<NnrpServer> {
    return answering(() => bind(endpointConfig, serverConfig));
  },

  /** A connected client; see `connectQuic`. */
  connect(
    endpoint: string | HostPort,
    endpointConfig: QuicClientEndpointConfig | QuicClientEndpointOptions,
    clientConfig: NnrpClientOptions = {},
  ): Promise<NnrpClient> {
    return connectQuic(endpoint, endpointConfig, clientConfig);
  },
});
