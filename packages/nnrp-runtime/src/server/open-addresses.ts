import { isNnrpError, shownValue, UsageError } from 'nnrp-core';
import { parseTransportUrl, type TransportUrl } from '../transport/url/transport-url.js';
import { listenersOn } from '../transport/url/transports-by-url.js';
import { splitConfig } from '../transport/url/url-options.js';
import type { NnrpListenOptions } from './contract/listen-options.js';
import type { NnrpServerConfig } from './contract/server-config.js';
import { type Listeners, openAll } from './open-listeners.js';

/**
 * Opens the listeners of all addresses, or none.
 *
 * @throws UsageError on an address that is none, and a configuration that cannot work; as a rejection UsageError or
 * TransportError that names the address that has failed
 */
export function openAddresses(
  addresses: string | readonly string[],
  config: NnrpListenOptions,
): Promise<[Listeners, NnrpServerConfig]> {
  const list: readonly string[] = typeof addresses === 'string' ? [addresses] : addresses;
  if (!Array.isArray(list) || list.length === 0)
    throw new UsageError(`listen: expected an address or a list of them, got ${shownValue(addresses)}`);
  const { own, rest } = splitConfig(config);
  const urls = list.map((address, index) =>
    read(address, list.length === 1 ? 'listen' : `listen: address ${index + 1}`),
  );
  return openAll(listenersOn(urls, own), rest, 'listen');
}

function read(address: string, where: string): TransportUrl {
  try {
    return parseTransportUrl(address);
  } catch (error) {
    if (!isNnrpError(error)) throw error;
    throw new UsageError(`${where}: ${error.rawMessage.replace(/^address: /, '')}`, { cause: error });
  }
}
