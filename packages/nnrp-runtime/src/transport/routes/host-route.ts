import { isNnrpError, shownPlain, shownValue, shownWord, UsageError } from 'nnrp-core';
import { parseProviderEndpoint } from './provider-endpoint.js';
import { officialProviderId, ROUTE_TRANSPORT_IDS, type RouteTransport, type TransportProvider } from './providers.js';

/** A route to an application: by which transport, and where to. */
export interface HostRoute extends Omit<TransportProvider, 'id' | 'isAvailable'> {
  /**
   * Such as `tcp://HOST:PORT`, `quic://HOST:PORT`, `unix:///path`, `npipe://name`, `ws://HOST/path` or `wss://HOST/path`. Left out,
   * tcp and quic go to the authority of the application, which then needs a port.
   */
  readonly locator?: string | undefined;
  /** What carries it; default the official one of its transport. */
  readonly providerId?: string | undefined;
}

/** A route that has been read. */
export interface ReadRoute extends HostRoute {
  readonly id: string;
}

const FIELDS: readonly string[] = [
  'transport',
  'locator',
  'providerId',
  'maxFrameBytes',
  'costModelId',
  'costUnits',
  'rank',
];

/**
 * Reads the routes to an application: locators, or more of what is known of each.
 *
 * @throws UsageError that names the route
 */
export function readRoutes(routes: readonly (string | HostRoute)[]): ReadRoute[] {
  if (!Array.isArray(routes) || routes.length === 0)
    throw new UsageError(`routes: expected a list of locators, such as ['tcp://HOST:PORT'], got ${shownValue(routes)}`);
  const read = Array.from(routes as readonly (string | HostRoute)[], (route, index) => {
    try {
      return readRoute(route);
    } catch (error) {
      if (!isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
      throw new UsageError(`route ${index + 1}: ${error.rawMessage}`, { cause: error });
    }
  });
  return read;
}

function readRoute(route: string | HostRoute): ReadRoute {
  if (typeof route === 'string') {
    const { transport } = parseProviderEndpoint(route);
    return { locator: route, transport, id: officialProviderId(transport) };
  }
  if (typeof route !== 'object' || route === null)
    throw new UsageError(`expected a locator or { transport, locator }, got ${shownValue(route)}`);
  const unknown = Object.keys(route).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no option ${shownWord(unknown)}`);
  const { transport, locator, providerId, maxFrameBytes, costModelId, costUnits, rank } = route;
  if (!Object.hasOwn(ROUTE_TRANSPORT_IDS, String(transport)))
    throw new UsageError(`transport takes quic, tcp, ipc or websocket, got ${shownPlain(transport)}`);
  for (const [name, value] of Object.entries({ maxFrameBytes, costModelId, costUnits, rank })) {
    if (value !== undefined && (!Number.isInteger(value) || value < 0))
      throw new UsageError(`${name} takes a whole number from 0, got ${shownPlain(value)}`);
  }
  if (providerId !== undefined && (typeof providerId !== 'string' || providerId === ''))
    throw new UsageError(`providerId takes a name, got ${shownPlain(providerId)}`);
  if (locator !== undefined) requireTransport(locator, transport);
  return { ...route, id: providerId ?? officialProviderId(transport) };
}

function requireTransport(locator: string, transport: RouteTransport): void {
  const { transport: found, text } = parseProviderEndpoint(locator);
  if (found !== transport) throw new UsageError(`${text} is a locator of ${found}, and the route is of ${transport}`);
}
