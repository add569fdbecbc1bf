import { NnrpClient, type NnrpClientOptions } from 'nnrp-runtime/client';
import { PlatformConnector } from './platform-connector.js';
import type { PlatformOptions } from './platform-options.js';

/**
 * A client connected by the WebSocket of the platform; after a loss it connects again in the same way.
 *
 * @param url - of the server, such as `wss://inference.example/nnrp`
 * @param options - limits of the transport; its defaults are those of `config`
 * @param config - options of the client
 * @throws (as a rejection) UsageError on an option that cannot work; TransportError or TimeoutError when no connection comes
 * about; the reason of `signal` when that aborts first
 */
export async function connectWebSocket(
  url: string | URL,
  options: PlatformOptions = {},
  config: NnrpClientOptions = {},
): Promise<NnrpClient> {
  return NnrpClient.connect(new PlatformConnector(url, options, config), config);
}
