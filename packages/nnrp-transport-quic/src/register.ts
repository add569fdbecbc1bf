import { UsageError } from 'nnrp-core';
import { type RegisteredSettings, registerTransport, transportDefaults } from 'nnrp-runtime/transport';
import type { QuicClientEndpointOptions } from './client-endpoint-config.js';
import { QuicConnector } from './quic-connector.js';
import { QuicFramedListener } from './quic-listener.js';
import { QuicServerEndpointConfig, type QuicServerEndpointOptions } from './server-endpoint-config.js';

const SCHEME = 'nnrp+quic';

/** Makes `nnrp+quic://HOST:PORT` an address for `NnrpClient.connect` and `NnrpServer.listen`. */
registerTransport({
  scheme: SCHEME,
  isEncrypted: true,

  connector(url: URL, { limits, own }: RegisteredSettings): QuicConnector {
    const { connectTimeoutMs } = limits;
    const defaults = { ...transportDefaults(limits), ...(connectTimeoutMs !== undefined && { connectTimeoutMs }) };
    return new QuicConnector(hostPort(url), own as QuicClientEndpointOptions | undefined, defaults);
  },

  listener(url: URL, { limits, own }: RegisteredSettings): Promise<QuicFramedListener> {
    if (own === undefined)
      throw new UsageError('needs a certificate and its key: { tls: { certificateChain, privateKey } }');
    const config = new QuicServerEndpointConfig(hostPort(url), own as QuicServerEndpointOptions);
    return QuicFramedListener.bind(config, transportDefaults(limits));
  },
});

/** @throws UsageError on an address that says more than that */
function hostPort({ host, port, pathname, search, hash }: URL): string {
  const isMore = search !== '' || hash !== '' || (pathname !== '' && pathname !== '/');
  if (port !== '' && !isMore) return host;
  throw new UsageError(
    `address: expected ${SCHEME}://HOST:PORT, and nothing else, got '${SCHEME}://${host}${isMore ? '/…' : ''}'`,
  );
}
