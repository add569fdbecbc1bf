import './register.js';

export { bindQuic } from './bind-quic.js';
export type { SelfSignedCertificate } from './certificates/self-signed-certificate.js';
export { QuicClientEndpointConfig, type QuicClientEndpointOptions } from './client-endpoint-config.js';
export { connectQuic } from './connect-quic.js';
export type { QuicEndpointOptions, QuicTransportOptions } from './endpoint-options.js';
export type { PathFacts, QuicCipher } from './engine.js';
export { QUIC_ALPN } from './quic-alpn.js';
export { QuicConnector, type QuicConnectorDefaults } from './quic-connector.js';
export { type QuicFacts, quicFacts } from './quic-facts.js';
export { TRANSPORT_KIND } from './quic-framed-transport.js';
export { QuicFramedListener } from './quic-listener.js';
export { QuicProvider } from './quic-provider.js';
export {
  QuicServerEndpointConfig,
  type QuicServerEndpointOptions,
  type QuicServerOptions,
} from './server-endpoint-config.js';
