// The schemas that a server is configured with.
export { SchemaRegistry } from 'nnrp-core';
export type { AsyncItems } from './base/async-items.js';
// Calling, with the errors of both sides and the enums and codecs of the wire.
export * from './client/calling.js';
export { NnrpClient } from './client/client.js';
export type { NnrpConnectOptions } from './client/connect-options.js';
// What preview4 has beside preview3.
export type { ControlEvent } from './connection/controls/control-events.js';
export type { ControlInit } from './connection/controls/control-messages.js';
export type { ObjectEntry, ObjectIssue, ObjectOwner, ObjectTable } from './connection/controls/object-table.js';
export type {
  CapabilityInit,
  ControlTarget,
  ObjectChangeInit,
  SessionControls,
} from './connection/controls/session-controls.js';
export type { RevisionChoice, RevisionName } from './connection/revision/revision-name.js';
// Serving.
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
export type { DropOptions } from './server/contract/preview4/drop-options.js';
export type { OperationBudget, OperationPriority, ProgressInit } from './server/contract/preview4/operation-facts.js';
export type { BoundName, BoundReached, BoundScope, BoundStats, ServerStats } from './server/contract/server-bounds.js';
export type { DeadlineChoice, NnrpServerOptions } from './server/contract/server-config.js';
export type { DropReason, ServerCounters } from './server/contract/server-counters.js';
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
export type { SessionIdentity, SessionStats } from './server/contract/session-stats.js';
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
