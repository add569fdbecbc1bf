import './register.js';

export { bindWebSocket } from './bind-websocket.js';
export { connectWebSocket } from './connect-websocket.js';
export { TRANSPORT_KIND } from './stream/websocket-transport.js';
export { WebSocketConnector, webSocketConnector } from './websocket-connector.js';
export { WebSocketListener } from './websocket-listener.js';
export {
  type AttachTarget,
  SUBPROTOCOL,
  type UpgradeIdentity,
  type WebSocketClientOptions,
  type WebSocketServerOptions,
  type WebSocketTlsOptions,
  type WebSocketTransportOptions,
} from './websocket-options.js';
