import process from 'node:process';
import { isNnrpError, shownValue, UsageError } from 'nnrp-core';
import { type ApplicationEndpoint, parseApplicationEndpoint } from '../routes/application-endpoint.js';
import { type HostRoute, type ReadRoute, readRoutes } from '../routes/host-route.js';
import { type ProviderEndpoint, type ProviderScheme, parseProviderEndpoint } from '../routes/provider-endpoint.js';
import { officialProviderId } from '../routes/providers.js';
import { type RouteCandidate, type RouteRejection, selectRoute } from '../routes/selection.js';
import { registeredTransport } from './registry.js';
import { parseTransportUrl, type TransportUrl } from './transport-url.js';
import type { OwnOptions } from './url-options.js';

/** A route, and what becomes of it on this machine. */
export interface PlannedRoute {
  readonly transport: HostRoute['transport'];
  readonly providerId: string;
  /** Where it goes; undefined when nothing says so. */
  readonly locator: string | undefined;
  /** Why it cannot be taken; undefined when it can. */
  readonly rejection: RouteRejection | undefined;
}

/** An application and the ways to it. */
export interface HostRoutePlan {
  readonly application: ApplicationEndpoint;
  /** Those that can be taken, what costs less and what is closer first; then the others. */
  readonly routes: readonly PlannedRoute[];
}

/** The same with what the transports need, of those that can be taken. */
export interface ReachablePlan extends HostRoutePlan {
  readonly addresses: readonly TransportUrl[];
}

/** What `transports` of a configuration has options for: the schemes of locators. */
type Options = Pick<OwnOptions<object>, 'transports'>;

/**
 * Says which routes to an application can be taken here. `nnrps://` takes only what is encrypted and proved: `quic://`, `wss://`,
 * and `tcp://`, which is TLS then. For `nnrp://`, `tcp://` is plain unless `transports.tcp` has options of TLS.
 *
 * @param endpoint - `nnrp://authority` or `nnrps://authority`
 * @throws UsageError on an endpoint or route that is none
 */
export function planHostRoutes(
  endpoint: string,
  routes: readonly (string | HostRoute)[],
  options: Options = {},
): HostRoutePlan {
  const { application, routes: planned } = reachablePlan(endpoint, routes, options);
  return { application, routes: planned };
}

/** {@link planHostRoutes} for what connects or listens. */
export function reachablePlan(
  endpoint: string,
  routes: readonly (string | HostRoute)[],
  options: Options,
): ReachablePlan {
  const application = parseApplicationEndpoint(endpoint);
  const plans = readRoutes(routes).map((route, index) => planned(application, route, index, options));
  const { candidates } = selectRoute(
    plans.map(({ candidate }) => candidate),
    { probes: 'none' },
  );
  const sorted = candidates.map(({ providerId: id, transport, rejection }) => {
    const plan = plans.find(({ candidate }) => candidate.id === id);
    return { transport, providerId: plan?.providerId ?? id, locator: plan?.locator, rejection, address: plan?.address };
  });
  return {
    application,
    routes: sorted.map(({ address: _, ...route }) => route),
    addresses: sorted.flatMap(({ rejection, address }) =>
      rejection === undefined && address !== undefined ? [address] : [],
    ),
  };
}

interface Plan {
  readonly providerId: string;
  readonly locator: string | undefined;
  /** Its id is that of the provider and the place in the list: two routes may have one provider. */
  readonly candidate: RouteCandidate;
  readonly address: TransportUrl | undefined;
}

function planned(application: ApplicationEndpoint, route: ReadRoute, index: number, { transports }: Options): Plan {
  const { id: providerId, transport } = route;
  const locator = route.locator ?? ofAuthority(application, route);
  const endpoint = locator === undefined ? undefined : parseProviderEndpoint(locator);
  const isSealed =
    transport === 'quic' ||
    endpoint?.isSecure === true ||
    (transport === 'tcp' && (application.isSecure || transports?.['tcp'] !== undefined));
  const isAvailable = providerId === officialProviderId(transport) && isThere(transport, endpoint?.scheme);
  const { locator: _, providerId: __, ...facts } = route;
  return {
    providerId,
    locator,
    candidate: {
      ...facts,
      id: `${providerId} ${String(index).padStart(6, '0')}`,
      isAvailable,
      isRouteResolved: endpoint !== undefined,
      isSecuritySatisfied: isSealed || !application.isSecure,
    },
    address: endpoint !== undefined && isAvailable ? addressOf(endpoint, isSealed, application) : undefined,
  };
}

/** Only these two are at home where the authority is. */
function ofAuthority({ authority, port }: ApplicationEndpoint, { transport }: ReadRoute): string | undefined {
  return port !== undefined && (transport === 'tcp' || transport === 'quic')
    ? `${transport}://${authority}`
    : undefined;
}

/** Whether what carries the route has been imported, and runs here. */
function isThere(transport: HostRoute['transport'], scheme: string | undefined): boolean {
  if (scheme === 'npipe') return process.platform === 'win32';
  const registered = transport === 'quic' ? 'nnrp+quic' : transport === 'websocket' ? (scheme ?? 'wss') : undefined;
  if (registered === undefined) return true;
  try {
    return registeredTransport(registered) !== undefined;
  } catch (error) {
    if (!isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
    return false;
  }
}

/** The address that transports know, under the name of the route. An application that is named `nnrp://` takes plain routes and encrypted ones. */
function addressOf(
  { text, scheme, locator }: ProviderEndpoint,
  isSealed: boolean,
  { isSecure }: ApplicationEndpoint,
): TransportUrl {
  const address = parseTransportUrl(ownUrl(text, scheme, locator, isSealed));
  return { ...address, scheme, text, isLocal: address.isLocal || !isSecure };
}

function ownUrl(text: string, scheme: ProviderScheme, locator: string, isSealed: boolean): string {
  if (scheme === 'tcp') return `${isSealed ? 'nnrps' : 'nnrp'}://${locator}`;
  // The path of a locator is taken as it is, that of an address is decoded.
  if (scheme === 'unix') return `unix:${locator.replaceAll('%', '%25')}`;
  return scheme === 'quic' ? `nnrp+quic://${locator}` : text;
}

/**
 * The addresses of a plan.
 *
 * @param needed - a client needs one route, a server all
 * @throws UsageError that names each route that cannot be taken, with its reason
 */
export function plannedAddresses(call: string, plan: ReachablePlan, needed: 'one' | 'all'): readonly TransportUrl[] {
  const rejected = plan.routes.filter(({ rejection }) => rejection !== undefined);
  if (plan.addresses.length > 0 && (needed === 'one' || rejected.length === 0)) return plan.addresses;
  const { isSecure, authority } = plan.application;
  const reasons = rejected.map(({ locator, providerId, rejection }) => `${locator ?? providerId}: ${rejection}`);
  const which = needed === 'one' ? 'no route' : 'not every route';
  throw new UsageError(
    `${call}: ${which} to ${isSecure ? 'nnrps' : 'nnrp'}://${authority} can be taken here: ${reasons.join(', ')}`,
  );
}

/** The name of the application that routes lead to. @throws UsageError for what is no name, or more than one */
export function oneEndpoint(call: string, endpoint: unknown): string {
  const only: unknown = Array.isArray(endpoint) && endpoint.length === 1 ? endpoint[0] : endpoint;
  if (typeof only === 'string') return only;
  throw new UsageError(
    `${call}: routes lead to one application, named nnrp://authority or nnrps://authority, got ${shownValue(endpoint)}`,
  );
}
