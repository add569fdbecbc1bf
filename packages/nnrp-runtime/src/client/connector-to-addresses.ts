import { ConnectorsInTurn, shareMs } from '../transport/connecting/connectors-in-turn.js';
import type { FramedConnector } from '../transport/contract/contract.js';
import { ofTransport } from '../transport/tcp/tcp-options.js';
import { type AddressSpace, connectorsTo, readAddresses } from '../transport/url/addresses.js';
import type { SchemedAddress } from '../transport/url/registered-url.js';
import { splitConfig } from '../transport/url/url-options.js';
import { clientConfig, type NnrpClientConfig, type NnrpClientOptions } from './contract/client-config.js';
import type { PortableConnectOptions } from './contract/connect-options.js';

/**
 * What connects to one address, or to the first of several that can be connected to.
 *
 * @returns it, and the configuration without what is for transports
 * @throws UsageError on an address that is none, and on a configuration that cannot work
 */
export function connectorToAddresses<Address extends SchemedAddress>(
  space: AddressSpace<Address>,
  addresses: string | readonly string[],
  config: PortableConnectOptions,
): [FramedConnector, NnrpClientConfig, NnrpClientOptions] {
  const { own, rest } = splitConfig(config);
  const complete = clientConfig(rest);
  const urls = readAddresses('connect', addresses, (address) => space.read(address));
  const eachMs = shareMs(complete.connectTimeoutMs, urls.length);
  const connectors = connectorsTo(space, urls, own, { ...ofTransport(complete), connectTimeoutMs: eachMs });
  const ways = connectors.map((connector, index) => ({ connector, text: urls[index]?.text ?? '' }));
  const [only] = connectors;
  const connector = connectors.length === 1 && only !== undefined ? only : new ConnectorsInTurn(ways, eachMs);
  return [connector, complete, rest];
}
