import {
  type FramedListener,
  type HostRoute,
  IpcListener,
  type ProviderEndpoint,
  planHostRoutes,
  type RouteRejection,
  readProviderEndpoint,
  TcpListener,
  TlsListener,
} from 'nnrp-runtime/transport';
import type { ScenarioRoute } from './scenario.js';

/** What the suite has left for routes that are encrypted. */
export interface Credentials {
  /** DER. */
  readonly certificate: Uint8Array;
  /** PKCS#8 in DER; not for clients. */
  readonly privateKey: Uint8Array;
}

/** A route, and what becomes of it here. */
export interface RoutePlan {
  readonly route: ScenarioRoute;
  /** As the library takes it: without a locator when it has none that its provider can use. */
  readonly hostRoute: HostRoute;
  /** Undefined like the locator. */
  readonly endpoint: ProviderEndpoint | undefined;
  /** Undefined for what is plain. */
  readonly credentials: Credentials | undefined;
  /** Why it is not taken; undefined when it can be. */
  readonly rejection: RouteRejection | undefined;
  readonly isSecuritySatisfied: boolean;
}

const SERVER_NAME = 'localhost';
const WITHOUT_ALPN = { alpn: false } as const;

/** @param endpoint - of the application @param credentials - undefined when the suite has left none */
export function planRoute(route: ScenarioRoute, endpoint: string, credentials: Credentials | undefined): RoutePlan {
  const { transport, providerId, injectedFailures } = route;
  const read = readProviderEndpoint(route.locator);
  const isUsable =
    typeof read !== 'string' && read.transport === transport && !injectedFailures.includes('route_unresolved');
  const isSealed = !['plain', ''].includes(route.securityMode);
  const given = isSealed && !injectedFailures.includes('security_incompatible') ? credentials : undefined;
  const hostRoute = { transport, providerId, ...(isUsable && { locator: read.text }) };
  const plan = { route, hostRoute, endpoint: isUsable ? read : undefined, credentials: given };
  const { application, routes } = planHostRoutes(endpoint, [hostRoute], { transports: clientTransports([plan]) });
  // The library would trust the roots of the platform; the suite wants what has no credentials to be taken for plain.
  const lacksCredentials = application.isSecure && transport === 'tcp' && given === undefined;
  const rejection = routes[0]?.rejection ?? (lacksCredentials ? 'security-unsatisfied' : undefined);
  return { ...plan, rejection, isSecuritySatisfied: !lacksCredentials && rejection !== 'security-unsatisfied' };
}

/** What routes of a client need, by the schemes of their locators. */
export function clientTransports(
  plans: readonly Pick<RoutePlan, 'endpoint' | 'credentials'>[],
): Readonly<Record<string, object>> {
  return Object.fromEntries(
    plans.flatMap(({ endpoint, credentials }): [string, object][] => {
      if (endpoint === undefined) return [];
      const { scheme } = endpoint;
      const trust = credentials && { roots: credentials.certificate };
      const named = trust && { ...trust, serverName: SERVER_NAME };
      if (scheme === 'tcp') return named === undefined ? [] : [[scheme, named]];
      if (scheme === 'quic') return [[scheme, { ...named, ...WITHOUT_ALPN }]];
      return scheme === 'ws' || scheme === 'wss' ? [[scheme, { offerSubprotocol: false, ...trust }]] : [];
    }),
  );
}

/** Loads what carries the routes that are not built in. */
export async function loadCarriers(routes: readonly ScenarioRoute[]): Promise<void> {
  if (routes.some(({ transport }) => transport === 'quic')) await import('nnrp-transport-quic');
  if (routes.some(({ transport }) => transport === 'websocket')) await import('nnrp-transport-websocket');
}

/** What listens on a route. @throws (as a rejection) when it cannot */
export async function listenerOf({ endpoint, credentials }: RoutePlan): Promise<FramedListener> {
  if (endpoint === undefined) throw new Error('the route has no endpoint');
  const { locator, text, transport } = endpoint;
  const proof = credentials && { certificateChain: credentials.certificate, privateKey: credentials.privateKey };
  switch (transport) {
    case 'tcp':
      return await (proof === undefined ? TcpListener.bind(locator) : TlsListener.bind(locator, proof));
    case 'quic': {
      if (proof === undefined) throw new Error('QUIC needs a certificate');
      const { QuicFramedListener, QuicServerEndpointConfig } = await import('nnrp-transport-quic');
      const { certificateChain, privateKey } = proof;
      return await QuicFramedListener.bind(
        QuicServerEndpointConfig.withCertificateChain(locator, certificateChain, privateKey, WITHOUT_ALPN),
      );
    }
    case 'ipc':
      return await IpcListener.bind(ipcAddress(endpoint));
    case 'websocket': {
      const { WebSocketListener } = await import('nnrp-transport-websocket');
      return await WebSocketListener.bind(text, proof && { tls: proof });
    }
  }
}

/** Where a route listens, as a locator. */
export function boundEndpoint({ endpoint, route }: RoutePlan, listener: FramedListener): string {
  if (route.transport === 'ipc') return endpoint?.text ?? route.locator;
  return route.transport === 'websocket' ? listener.address : `${route.transport}://${listener.address}`;
}

function ipcAddress({ scheme, locator, text }: ProviderEndpoint): string {
  return scheme === 'unix' ? `unix:${locator}` : text;
}
