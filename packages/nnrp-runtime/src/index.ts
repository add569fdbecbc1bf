// Serving.

// The wire's enums and codecs, what both throw, and the schemas a server is configured with.
export {
  type ApplicationErrorCode,
  CancelledError,
  ClosedError,
  DeadlineError,
  FlowBlockedError,
  isNnrpError,
  NnrpError,
  type NnrpErrorCode,
  PeerError,
  ProtocolError,
  SchemaRegistry,
  TimeoutError,
  TransportError,
  UsageError,
  WireError,
  type WireErrorCode,
} from 'nnrp-core';
export * as preview3 from 'nnrp-core/preview3';
export type { InternalError } from './base/internal-error.js';
// Calling.
export { NnrpClient } from './client/client.js';
export type { ExtensionInit } from './client/client-announcement.js';
export type { NnrpClientOptions, SessionOptions } from './client/client-config.js';
export type { NnrpClientEvent, NnrpClientEvents } from './client/client-events.js';
export type { ClientHelloOptions, ServerHello } from './client/client-hello.js';
export { type CloseOptions, type SubmitInit, type SubmitOptions, submitMetadata } from './client/client-messages.js';
export { ClientOperation } from './client/client-operation.js';
export type { ProbeOptions, ProbeResult } from './client/client-probes.js';
export { type ClientErrorOptions, NnrpClientSession, type SessionFlow } from './client/client-session.js';
export type { EventStream } from './client/event-stream.js';
export { NnrpResult } from './client/nnrp-result.js';
export type {
  CacheObjectInit,
  CacheSelector,
  NnrpPatchAck,
  PatchFields,
  RequestOptions,
} from './client/request-messages.js';
export type { ResultStream, SessionResult } from './client/result-stream.js';
export type { ClientSessionEvent } from './client/session-events.js';
export type { UnreadShare } from './client/unread-results.js';
export type { CloseReport, CutOperation } from './close-report.js';
export type { BodyChunk, BodyInput } from './connection/body-bytes.js';
export type { OwnBytes } from './connection/body-reading.js';
export type {
  FlowUpdateInit,
  MigrateAckInit,
  NnrpServerSession,
  OperationContext,
  OperationsInFlight,
  PatchAckInit,
  ResolvedObject,
  ResultHintInit,
  ServerCloseOptions,
} from './server/contract.js';
export { HandlerError, type HandlerErrorOptions } from './server/handler-error.js';
export {
  AllowAllServerPolicy,
  type Authorization,
  type Authorize,
  type NnrpServerPolicy,
  type PolicyAnswer,
  type PolicyDecision,
  type SessionGrant,
  type SessionOpenContext,
} from './server/policy.js';
export type { SchedulingOptions } from './server/scheduling/scheduling-options.js';
export type {
  AsyncResults,
  LastResult,
  ReadableResults,
  ResponseResults,
  ResultSource,
  ServeHandlers,
  ServeOptions,
  SubmitOutcome,
  SyncResults,
} from './server/serve-handlers.js';
export { NnrpServer } from './server/server.js';
export type { BoundName, BoundReached, BoundScope, BoundStats, ServerStats } from './server/server-bounds.js';
export type { NnrpServerOptions } from './server/server-config.js';
export type {
  ConnectionLost,
  HandlerFailure,
  HandlerStuck,
  NnrpServerEvents,
  PeerErrorReport,
  ProtocolViolation,
  SessionRefused,
} from './server/server-events.js';
export {
  type NnrpCancel,
  type NnrpClose,
  type NnrpMigration,
  type NnrpPatch,
  type NnrpSubmit,
  type ResultInit,
  type ResultValue,
  type RuntimeSessionRecord,
  resultMetadata,
  type ServerSessionEvent,
} from './server/server-messages.js';
export type { HostPort } from './transport/address.js';
export type { AcceptFailure, ListenerBoundName } from './transport/contract.js';
export type { PeerIdentity } from './transport/peer-identity.js';
export type { TlsClientOptions, TlsServerOptions } from './transport/tls-options.js';
