export { applicationCallback } from '../base/application-callback.js';
export { crash, type Guarded, guard, later, listen, nextTurn } from '../base/guard.js';
export { readOptions } from '../base/options.js';
export { warn } from '../base/warn.js';
export { givenClientConfig } from '../client/client-config.js';
export { answering } from '../settled.js';
export { AcceptQueue } from './accept-queue.js';
export { formatAddress, type HostPort, parseAddress, reachableHost } from './address.js';
export { hostGroup } from './address-group.js';
export { type ConnectAttempt, describeAttempts } from './connect-failure.js';
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
} from './contract.js';
export { MemoryListener, type MemoryOptions, memoryPair } from './memory.js';
export { type HandshakeFacts, type PeerIdentity, peerIdentity } from './peer-identity.js';
export { boundOf, type Stranger, type StrangerLimits, Strangers } from './strangers.js';
export type { MeasuredStream } from './stream-gauge.js';
export { StreamTransport } from './stream-transport.js';
export type { StreamTransportOptions } from './stream-transport-options.js';
export { type TcpConnectOptions, TcpConnector, TcpListener, type TcpOptions } from './tcp.js';
export { TlsConnector, TlsListener } from './tls.js';
export {
  type CertificateSource,
  type CertificateUse,
  type TlsCredentials,
  tlsCredentials,
  trustedRoots,
} from './tls-credentials.js';
export type { TlsClientOptions, TlsServerOptions } from './tls-options.js';
export { checkServerName, tlsServerName } from './tls-server-name.js';
