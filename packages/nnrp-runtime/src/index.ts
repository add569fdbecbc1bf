// Serving.

// The wire's enums and codecs, what both throw, and the schemas a server is configured with.
export {
  ClosedError,
  isNnrpError,
  NnrpError,
  PeerError,
  ProtocolError,
  preview3,
  SchemaRegistry,
  TimeoutError,
  TransportError,
  UsageError,
  WireError,
} from 'nnrp-core';
// Calling.
export { NnrpClient, type NnrpClientEvents } from './client/client.js';
export type { NnrpClientConfig, SessionOptions } from './client/client-config.js';
export { type CloseOptions, type SubmitInit, submitMetadata } from './client/client-messages.js';
export { ClientOperation } from './client/client-operation.js';
export { NnrpClientSession } from './client/client-session.js';
export { NnrpResult } from './client/nnrp-result.js';
export { AllowAllServerPolicy, type NnrpServerPolicy, type SessionOpenContext } from './server/policy.js';
export { NnrpServer } from './server/server.js';
export type { NnrpServerConfig } from './server/server-config.js';
export type { ConnectionLost, NnrpServerEvents, ProtocolViolation, SessionRefused } from './server/server-events.js';
export { type NnrpClose, NnrpSubmit, type ResultInit, resultMetadata } from './server/server-messages.js';
export { NnrpServerSession, type ServerSessionState } from './server/server-session.js';
