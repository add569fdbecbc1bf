export { AcceptQueue } from './accept-queue.js';
export { formatAddress, type HostPort, parseAddress } from './address.js';
export type {
  FramedConnector,
  FramedListener,
  FramedTransport,
  OutboundPacket,
  PacketSink,
  TransportKind,
} from './contract.js';
export { MemoryListener, type MemoryOptions, memoryPair } from './memory.js';
export { type HandshakeFacts, type PeerIdentity, peerIdentity } from './peer-identity.js';
export { StreamTransport, type StreamTransportOptions } from './stream-transport.js';
export { TcpConnector, TcpListener, type TcpOptions } from './tcp.js';
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
