import './register.js';

export { connectWebSocket } from './connect-websocket.js';
export { PlatformConnector as WebSocketConnector, SUBPROTOCOL, webSocketConnector } from './platform-connector.js';
export type { PlatformOptions as WebSocketClientOptions } from './platform-options.js';
export { TRANSPORT_KIND } from './platform-transport.js';
export type { PlatformWebSocket, PlatformWebSocketClass } from './platform-websocket.js';
