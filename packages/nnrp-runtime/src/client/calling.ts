/* What an application that calls uses beside NnrpClient, wherever it runs. */

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
  SessionLostError,
  TimeoutError,
  TransportError,
  UsageError,
  WireError,
  type WireErrorCode,
} from 'nnrp-core';
export * as preview3 from 'nnrp-core/preview3';
export type { Logger } from '../base/application/logger.js';
export type {
  CallSubmitMessage,
  ConnectionMessage,
  DiagnosticsConnection,
  DiagnosticsMessages,
  DiagnosticsRole,
  OperationEndMessage,
  OperationRefusedMessage,
  OperationResultMessage,
  OperationStartMessage,
  PacketMessage,
  RecoveryMessage,
  SessionMessage,
  SessionRefusedMessage,
  SubmitMessage,
} from '../base/diagnostics/messages.js';
export type { InternalError } from '../base/internal-error.js';
export type { BodyChunk, BodyInput } from '../connection/body/body-bytes.js';
export type { BodyBytes, OwnBytes } from '../connection/body/body-reading.js';
export type { CloseReport, CutOperation } from '../connection/close-report.js';
export { loadPreview4 } from '../connection/controls/loaded-preview4.js';
export type { ProbeResult } from './connection/client-probes.js';
export type { ProbeOptions } from './connection/probe-options.js';
export type { ResumedSession } from './connection/resume-by-ticket.js';
export type { NnrpClientOptions, SessionOptions } from './contract/client-config.js';
export type { NnrpClientEvent, NnrpClientEvents } from './contract/client-events.js';
export type { MigrateOptions } from './contract/migrate-options.js';
export type { MigrationReport, SessionPath } from './contract/migration.js';
export type { ResumeSessionOptions } from './contract/resume-session-options.js';
export type { ExtensionInit } from './hello/client-announcement.js';
export type { ServerHello } from './hello/hello-exchange.js';
export type { ClientHelloOptions } from './hello/hello-options.js';
export type { ClientTransportPolicy } from './hello/transport-policy.js';
export type { RequestOptions } from './requests/call-options.js';
export type { CacheObjectInit, CacheSelector, NnrpPatchAck, PatchFields } from './requests/request-messages.js';
export { ClientOperation } from './results/client-operation.js';
export { NnrpResult } from './results/nnrp-result.js';
export type { UnreadShare } from './results/read-gate.js';
export type { ResultStream, SessionResult } from './results/result-stream.js';
export { NnrpClientSession } from './session/client-session.js';
export type { CloseOptions } from './session/close-options.js';
export type { ClientErrorOptions } from './session/error-options.js';
export type { ClientSessionEvent } from './session/session-events.js';
export type { SessionFlow } from './session/session-flow.js';
export type { EventStream } from './streams/event-stream.js';
export { type SubmitInit, type SubmitOptions, submitMetadata } from './submits/submit-options.js';
export { ticketAddress } from './tickets/ticket-text.js';
