import { UsageError } from 'nnrp-core';
import { type RegisteredSettings, registerTransport, transportDefaults } from 'nnrp-runtime/transport';
import { WebSocketConnector } from './websocket-connector.js';
import { WebSocketListener } from './websocket-listener.js';
import type { WebSocketClientOptions, WebSocketServerOptions, WebSocketTlsOptions } from './websocket-options.js';

/** Names of certificates and keys, here and elsewhere (`cert`, `key`): a wrong one is named by the check of these options. */
const OF_CERTIFICATES = /^(cert|key$|private|passphrase)/i;

/** Makes `ws://HOST:PORT/path` and `wss://` addresses for `NnrpClient.connect` and `NnrpServer.listen`. */
for (const scheme of ['ws', 'wss']) {
  registerTransport({
    scheme,
    isEncrypted: scheme === 'wss',

    connector(url: URL, { limits, own }: RegisteredSettings): WebSocketConnector {
      const { connectTimeoutMs } = limits;
      const defaults = { ...transportDefaults(limits), ...(connectTimeoutMs !== undefined && { connectTimeoutMs }) };
      return new WebSocketConnector(url, own as WebSocketClientOptions | undefined, defaults);
    },

    listener(url: URL, { limits, own = {} }: RegisteredSettings): Promise<WebSocketListener> {
      // What stands under `tls` is a certificate; what stands under `transports` has it under `tls`.
      const isCertificate = Object.keys(own).some((name) => OF_CERTIFICATES.test(name));
      const options = isCertificate ? { tls: own as WebSocketTlsOptions } : (own as WebSocketServerOptions);
      if (scheme === 'wss' && options.tls === undefined)
        throw new UsageError('needs a certificate and its key: { tls: { certificateChain, privateKey } }');
      return WebSocketListener.bind(url.href, options, transportDefaults(limits));
    },
  });
}
