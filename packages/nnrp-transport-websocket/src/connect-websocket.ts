import { UsageError } from 'nnrp-core';
import { NnrpClient, type NnrpClientOptions } from 'nnrp-runtime';
import { answering, connectSignal, givenClientConfig, transportDefaults } from 'nnrp-runtime/transport';
import { WebSocketConnector } from './websocket-connector.js';
import type { WebSocketClientOptions } from './websocket-options.js';

/**
 * A client connected over WebSocket; after a loss it connects again in the same way.
 *
 * @param url - of the server, such as `wss://inference.example/nnrp`
 * @param options - headers of the upgrade, certificates that are trusted, limits of the transport
 * @param config - options of the client
 * @throws UsageError on an option that cannot work; TransportError or TimeoutError when no connection comes about; the
 * reason of `signal` when that aborts first
 */
export function connectWebSocket(
  url: string | URL,
  options: WebSocketClientOptions = {},
  config: NnrpClientOptions = {},
): Promise<NnrpClient> {
  return answering(() => {
    if (typeof config !== 'object' || config === null) throw new UsageError('config: expected an object');
    const { connectTimeoutMs } = config;
    const defaults = { ...transportDefaults(config), ...(connectTimeoutMs !== undefined && { connectTimeoutMs }) };
    const connector = new WebSocketConnector(url, options, defaults);
    // Read before the connection comes about: the application may wipe a token, or use the object for another client.
    const given = givenClientConfig(config);
    return NnrpClient.connect(connector, { ...given, signal: connectSignal(config) });
  });
}
