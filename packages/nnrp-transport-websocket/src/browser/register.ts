import { type RegisteredSettings, registerTransport } from 'nnrp-runtime/client';
import { PlatformConnector } from './platform-connector.js';
import type { PlatformOptions } from './platform-options.js';

/** Makes `ws://HOST:PORT/path` and `wss://` addresses for `NnrpClient.connect`. Nothing can listen here. */
for (const scheme of ['ws', 'wss']) {
  registerTransport({
    scheme,
    isEncrypted: scheme === 'wss',

    connector(url: URL, { limits, own }: RegisteredSettings): PlatformConnector {
      return new PlatformConnector(url, own as PlatformOptions | undefined, limits);
    },
  });
}
