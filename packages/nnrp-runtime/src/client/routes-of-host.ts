import { isBag } from '../base/options.js';
import type { AddressSpace } from '../transport/url/addresses.js';
import { type HostRoutePlan, oneEndpoint, plannedAddresses, reachablePlan } from '../transport/url/host-routes.js';
import type { TransportUrl } from '../transport/url/transport-url.js';
import { ALL_ADDRESSES } from '../transport/url/transports-by-url.js';
import type { NnrpConnectOptions } from './connect-options.js';

/** What `NnrpClient.reach` needs: what the addresses are, the addresses, and a configuration without the routes. */
export type Reach = [space: AddressSpace<TransportUrl>, addresses: readonly string[], config: NnrpConnectOptions];

/**
 * The addresses behind the routes of an application.
 *
 * @throws UsageError on an endpoint or route that is none, and when no route can be taken
 */
export function reachByRoutes(
  where: unknown,
  routes: NonNullable<NnrpConnectOptions['routes']>,
  config: NnrpConnectOptions,
): Reach {
  const plan = reachablePlan(oneEndpoint('connect', where), routes, { transports: config.transports });
  const addresses = plannedAddresses('connect', plan, 'one');
  const byText = new Map(addresses.map((address) => [address.text, address]));
  const space: AddressSpace<TransportUrl> = {
    // The texts are those of the map.
    read: (text) => byText.get(text) as TransportUrl,
    connector: (address, own, limits) => ALL_ADDRESSES.connector(address, named(plan, address, own), limits),
  };
  return [space, [...byText.keys()], withoutRoutes(config)];
}

/** The configuration, in which the routes are not seen: `undefined` is no option that a client without any does not know. */
export function withoutRoutes(config: NnrpConnectOptions): NnrpConnectOptions {
  if (!isBag(config) || !('routes' in config)) return config;
  return Object.create(config, { routes: { value: undefined, enumerable: false } }) as NnrpConnectOptions;
}

/** A certificate is for the host of the application, wherever its routes go. WebSocket takes the host of its URL. */
function named({ application }: HostRoutePlan, { scheme, isEncrypted }: TransportUrl, own: object | undefined) {
  const { host, isSecure } = application;
  const isNamed = isSecure && isEncrypted && (scheme === 'tcp' || scheme === 'quic') && isName(host);
  return isNamed ? { serverName: host, ...own } : own;
}

/** An IP address is none: the locator says it. */
function isName(host: string): boolean {
  return !host.startsWith('[') && !/^[\d.]+$/.test(host);
}
