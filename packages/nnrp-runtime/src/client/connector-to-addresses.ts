import { ConnectorsInTurn, shareMs } from '../transport/connecting/connectors-in-turn.js';
import type { FramedConnector } from '../transport/contract/contract.js';
import { ofTransport } from '../transport/tcp/tcp-options.js';
import { parseTransportUrls } from '../transport/url/transport-url.js';
import { connectorsTo } from '../transport/url/transports-by-url.js';
import { splitConfig } from '../transport/url/url-options.js';
import { clientConfig, type NnrpClientConfig, type NnrpClientOptions } from './contract/client-config.js';
import type { NnrpConnectOptions } from './contract/connect-options.js';

/**
 * What connects to one address, or to the first of several that can be connected to.
 *
 * @returns it, and the configuration without what is for transports
 * @throws UsageError on an address that is none, and on a configuration that cannot work
 */
export function connectorToAddresses(
  addresses: string | readonly string[],
  config: NnrpConnectOptions,
): [FramedConnector, NnrpClientConfig, NnrpClientOptions] {
  const { own, rest } = splitConfig(config);
  const complete = clientConfig(rest);
  const urls = parseTransportUrls('connect', addresses);
  const eachMs = shareMs(complete.connectTimeoutMs, urls.length);
  const connectors = connectorsTo(urls, own, { ...ofTransport(complete), connectTimeoutMs: eachMs });
  const ways = connectors.map((connector, index) => ({ connector, text: urls[index]?.text ?? '' }));
  const [only] = connectors;
  const connector = connectors.length === 1 && only !== undefined ? only : new ConnectorsInTurn(ways, eachMs);
  return [connector, complete, rest];
}
