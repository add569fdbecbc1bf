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
  SessionLostError,
  TimeoutError,
  TransportError,
  UsageError,
  WireError,
  type WireErrorCode,
} from 'nnrp-core';
export * as preview3 from 'nnrp-core/preview3';
export type { AsyncItems } from './base/async-items.js';
export type { InternalError } from './base/internal-error.js';
// Calling.
export { NnrpClient } from './client/client.js';
export type { NnrpConnectOptions } from './client/connect-options.js';
export type { ProbeResult } from './client/connection/client-probes.js';
export type { ProbeOptions } from './client/connection/probe-options.js';
export type { ResumedSession } from './client/connection/resume-by-ticket.js';
export type { NnrpClientOptions, SessionOptions } from './client/contract/client-config.js';
export type { NnrpClientEvent, NnrpClientEvents } from './client/contract/client-events.js';
export type { MigrateOptions } from './client/contract/migrate-options.js';
export type { MigrationReport, SessionPath } from './client/contract/migration.js';
export type { ResumeSessionOptions } from './client/contract/resume-session-options.js';
export type { ExtensionInit } from './client/hello/client-announcement.js';
export type { ServerHello } from './client/hello/hello-exchange.js';
export type { ClientHelloOptions } from './client/hello/hello-options.js';
export type { ClientTransportPolicy } from './client/hello/transport-policy.js';
export type { RequestOptions } from './client/requests/call-options.js';
export type { CacheObjectInit, CacheSelector, NnrpPatchAck, PatchFields } from './client/requests/request-messages.js';
export { ClientOperation } from './client/results/client-operation.js';
export { NnrpResult } from './client/results/nnrp-result.js';
export type { UnreadShare } from './client/results/read-gate.js';
export type { ResultStream, SessionResult } from './client/results/result-stream.js';
export { NnrpClientSession } from './client/session/client-session.js';
export type { CloseOptions } from './client/session/close-options.js';
export type { ClientErrorOptions } from './client/session/error-options.js';
export type { EventStream } from './client/session/event-stream.js';
export type { ClientSessionEvent } from './client/session/session-events.js';
export type { SessionFlow } from './client/session/session-flow.js';
export {
  type SubmitInit,
  type SubmitOptions,
  submitMetadata,
} from './client/submits/submit-options.js';
export { ticketAddress } from './client/tickets/ticket-text.js';
export type { BodyChunk, BodyInput } from './connection/body/body-bytes.js';
export type { OwnBytes } from './connection/body/body-reading.js';
export type { CloseReport, CutOperation } from './connection/close-report.js';
export type { ServerCloseOptions } from './server/contract/close-options.js';
export type {
  FlowUpdateInit,
  MigrateAckInit,
  NnrpServerSession,
  OperationContext,
  OperationsInFlight,
  PatchAckInit,
  ResolvedObject,
  ResultHintInit,
} from './server/contract/contract.js';
export type { ListenerOptions, ListenerSource, NnrpServerEndpoint } from './server/contract/endpoints.js';
export type { NnrpListenOptions } from './server/contract/listen-options.js';
export {
  AllowAllServerPolicy,
  type Authorization,
  type Authorize,
  type NnrpServerPolicy,
  type PolicyAnswer,
  type PolicyDecision,
  type SessionGrant,
  type SessionOpenContext,
} from './server/contract/policy.js';
export type { BoundName, BoundReached, BoundScope, BoundStats, ServerStats } from './server/contract/server-bounds.js';
export type { NnrpServerOptions } from './server/contract/server-config.js';
export type {
  ConnectionLost,
  HandlerFailure,
  HandlerStuck,
  NnrpServerEvents,
  PeerErrorReport,
  ProtocolViolation,
  SessionRefused,
} from './server/contract/server-events.js';
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
} from './server/contract/server-messages.js';
export type { ShutdownOptions } from './server/contract/shutdown-options.js';
export { HandlerError } from './server/failures/handler-error.js';
export type { HandlerErrorOptions } from './server/failures/handler-error-options.js';
export type { SchedulingOptions } from './server/scheduling/scheduling-options.js';
export type {
  AsyncResults,
  LastResult,
  ReadableResults,
  ResponseResults,
  ResultSource,
  ServeHandlers,
  SubmitOutcome,
  SyncResults,
} from './server/serve/serve-handlers.js';
export type { ServeOptions } from './server/serve/serve-options.js';
export { NnrpServer } from './server/server.js';
export type { HostPort } from './transport/address/address.js';
export type { AcceptFailure, ListenerBoundName } from './transport/contract/contract.js';
export type { PeerIdentity } from './transport/contract/peer-identity.js';
export type { IpcServerOptions } from './transport/ipc/ipc-options.js';
export type { TlsClientOptions, TlsServerOptions } from './transport/tls/tls-options.js';
