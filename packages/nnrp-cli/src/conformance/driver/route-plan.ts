import {
  type ApplicationEndpoint,
  type FramedConnector,
  type FramedListener,
  IpcConnector,
  IpcListener,
  officialProviderId,
  type ProviderEndpoint,
  type RouteCandidate,
  readProviderEndpoint,
  TcpConnector,
  TcpListener,
  TlsConnector,
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

/** A route, and what its provider makes of it here. */
export interface RoutePlan {
  readonly route: ScenarioRoute;
  readonly candidate: RouteCandidate;
  /** Undefined when the route has none that its provider can use. */
  readonly endpoint: ProviderEndpoint | undefined;
  /** Undefined for what is plain. */
  readonly credentials: Credentials | undefined;
}

const SERVER_NAME = 'localhost';
const WITHOUT_ALPN = { alpn: false } as const;

/** @param credentials - undefined when the suite has left none */
export function planRoute(
  route: ScenarioRoute,
  application: ApplicationEndpoint,
  credentials: Credentials | undefined,
): RoutePlan {
  const { transport, providerId } = route;
  const read = readProviderEndpoint(route.locator);
  const isUsable =
    typeof read !== 'string' && read.transport === transport && !route.injectedFailures.includes('route_unresolved');
  const isSealed = !['plain', ''].includes(route.securityMode);
  const given = isSealed && !route.injectedFailures.includes('security_incompatible') ? credentials : undefined;
  const canSeal = transport === 'quic' || (transport === 'tcp' ? given !== undefined : isUsable && read.isSecure);
  return {
    route,
    endpoint: isUsable ? read : undefined,
    credentials: given,
    candidate: {
      id: providerId,
      transport,
      isAvailable: providerId === officialProviderId(transport),
      isRouteResolved: isUsable,
      isSecuritySatisfied: !application.isSecure || canSeal,
    },
  };
}

/** What connects by a route that is eligible. @throws UsageError when its options cannot work */
export async function connectorOf({ endpoint, credentials }: RoutePlan): Promise<FramedConnector> {
  if (endpoint === undefined) throw new Error('the route has no endpoint');
  const { locator, text, transport } = endpoint;
  const trust = credentials && { roots: credentials.certificate, serverName: SERVER_NAME };
  switch (transport) {
    case 'tcp':
      return trust === undefined ? new TcpConnector(locator) : new TlsConnector(locator, trust);
    case 'quic': {
      const { QuicConnector } = await import('nnrp-transport-quic');
      return new QuicConnector(locator, { ...trust, ...WITHOUT_ALPN });
    }
    case 'ipc':
      return new IpcConnector(ipcAddress(endpoint));
    case 'websocket': {
      const { WebSocketConnector } = await import('nnrp-transport-websocket');
      return new WebSocketConnector(text, { offerSubprotocol: false, ...(trust && { roots: trust.roots }) });
    }
  }
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
