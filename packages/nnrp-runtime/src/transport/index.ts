export { checkSignal, followSignal, reasonOf, whenAborted } from '../base/application/abort-signals.js';
export { applicationCallback } from '../base/application/application-callback.js';
export { ApplicationContext } from '../base/application/application-context.js';
export { subscriber } from '../base/diagnostics/subscriber.js';
export { afterThis, aside, crash, type Guarded, guard, later, listen, nextTurn } from '../base/guard.js';
export { isObject, jsonText, member, parsedJson, readJson } from '../base/json.js';
export { integer, type OptionKind, type OptionTable, optionTable, TRUTH } from '../base/option-kinds.js';
export { type Complete, type Kept, readOptions, readValues } from '../base/options.js';
export { answering } from '../base/promises/settled.js';
export { isThenable, settledOnce } from '../base/thenable.js';
export { Patience } from '../base/time/patience.js';
export { SeldomWarning, warn } from '../base/warn.js';
export { connectSignal, givenClientConfig } from '../client/contract/client-config.js';
export { givenServerConfig } from '../server/contract/given-server-config.js';
export { isClass } from '../server/serve/check-handlers.js';
export { formatAddress, type HostPort, parseAddress, reachableHost } from './address/address.js';
export { hostGroup } from './address/address-group.js';
export { Dialing } from './connecting/dialing.js';
export type {
  AcceptFailure,
  FramedConnector,
  FramedListener,
  FramedTransport,
  ListenerBound,
  ListenerBoundName,
  OutboundPacket,
  PacketSink,
  TransportKind,
} from './contract/contract.js';
export { type HandshakeFacts, type PeerIdentity, peerIdentity } from './contract/peer-identity.js';
export type { LentPiece, SentListener, SentMemory, SentPiece } from './contract/sent-pieces.js';
export { IpcConnector, IpcListener } from './ipc/ipc.js';
export type { IpcServerOptions } from './ipc/ipc-options.js';
export { AcceptQueue } from './listening/accept-queue.js';
export { type ConnectAttempt, describeAttempts } from './listening/connect-failure.js';
export { listenFailure } from './listening/listen-failure.js';
export { boundOf, type Stranger, type StrangerLimits, Strangers } from './listening/strangers.js';
export { WaitingLine } from './listening/waiting-line.js';
export { MemoryListener, memoryPair } from './memory.js';
export type { MemoryOptions } from './memory-options.js';
export {
  type ApplicationEndpoint,
  parseApplicationEndpoint,
  readApplicationEndpoint,
} from './routes/application-endpoint.js';
export { describeEndpointFault, type EndpointFault } from './routes/endpoint-fault.js';
export type { HostRoute } from './routes/host-route.js';
export type { ProbeSample } from './routes/probe-score.js';
export {
  type ProviderEndpoint,
  type ProviderScheme,
  parseProviderEndpoint,
  readProviderEndpoint,
} from './routes/provider-endpoint.js';
export {
  officialProviderId,
  ROUTE_TRANSPORT_IDS,
  type RouteTransport,
  rankOf,
  type TransportProvider,
} from './routes/providers.js';
export {
  eligibleRoutes,
  type RatedRoute,
  type RouteCandidate,
  type RoutePolicy,
  type RouteRejection,
  type RouteSelection,
  type RouteTerms,
  selectRoute,
} from './routes/selection.js';
export { bytesInside, type MeasuredStream } from './stream/stream-gauge.js';
export { StreamTransport } from './stream/stream-transport.js';
export type { StreamTransportOptions } from './stream/stream-transport-options.js';
export { TcpConnector, TcpListener } from './tcp/tcp.js';
export { type TcpConnectOptions, type TcpOptions, transportDefaults, transportLimits } from './tcp/tcp-options.js';
export { foreignNameHint } from './tls/foreign-names.js';
export { RecordWatch } from './tls/record-watch.js';
export { TlsConnector, TlsListener } from './tls/tls.js';
export {
  type CertificateSource,
  type CertificateUse,
  type TlsCredentials,
  tlsCredentials,
  trustedRoots,
} from './tls/tls-credentials.js';
export { describeTlsFailure, isTlsRefusal } from './tls/tls-failure.js';
export { secureContext, type TlsClientOptions, type TlsServerOptions } from './tls/tls-options.js';
export { checkServerName, tlsServerName } from './tls/tls-server-name.js';
export { type ResumingSocket, TlsTickets } from './tls/tls-tickets.js';
export { type HostRoutePlan, type PlannedRoute, planHostRoutes } from './url/host-routes.js';
export { type ListenerAtOptions, listenerAt } from './url/listener-at.js';
export { type RegisteredSettings, registerTransport, type TransportScheme } from './url/registry.js';
