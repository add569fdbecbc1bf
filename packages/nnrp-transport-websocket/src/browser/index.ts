export { PlatformConnector, platformConnector } from './platform-connector.js';
export type { PlatformOptions } from './platform-options.js';
export type { PlatformWebSocket, PlatformWebSocketClass } from './platform-websocket.js';
