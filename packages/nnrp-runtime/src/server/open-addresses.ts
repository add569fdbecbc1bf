import { readAddresses } from '../transport/url/addresses.js';
import { oneEndpoint, plannedAddresses, reachablePlan } from '../transport/url/host-routes.js';
import { parseTransportUrl } from '../transport/url/transport-url.js';
import { listenersOn } from '../transport/url/transports-by-url.js';
import { splitConfig } from '../transport/url/url-options.js';
import type { NnrpListenOptions } from './contract/listen-options.js';
import type { NnrpServerConfig } from './contract/server-config.js';
import { type Listeners, openAll } from './open-listeners.js';

/**
 * Opens the listeners of all addresses, or none; of an application, those of its routes.
 *
 * @throws UsageError on an address or route that is none, and a configuration that cannot work; as a rejection UsageError or
 * TransportError that names the address that has failed
 */
export function openAddresses(
  addresses: string | readonly string[],
  config: NnrpListenOptions,
): Promise<[Listeners, NnrpServerConfig]> {
  const routes = config?.routes;
  const { own, rest } = splitConfig(config, ['routes']);
  if (routes === undefined) {
    return openAll(listenersOn(readAddresses('listen', addresses, parseTransportUrl), own), rest, 'listen');
  }
  const planned = plannedAddresses('listen', reachablePlan(oneEndpoint('listen', addresses), routes, own), 'all');
  const { listenersTogether = true } = rest;
  const together = { listenersTogether: { value: listenersTogether, enumerable: true } };
  return openAll(listenersOn(planned, own), Object.create(rest, together) as NnrpListenOptions, 'listen');
}
