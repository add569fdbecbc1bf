import * as preview3 from 'nnrp-core/preview3';
import type { MetadataCodec } from './outbound-message.js';
import { rememberingCodec } from './repeated-metadata.js';

/** The metadata structures the runtime sends, one constant each so that call sites stay monomorphic. */
export const SESSION_OPEN: MetadataCodec<preview3.SessionOpen> = {
  bytes: preview3.SESSION_OPEN_BYTES,
  encode: preview3.encodeSessionOpen,
};
export const SESSION_OPEN_ACK: MetadataCodec<preview3.SessionOpenAck> = {
  bytes: preview3.SESSION_OPEN_ACK_BYTES,
  encode: preview3.encodeSessionOpenAck,
};
export const SESSION_CLOSE: MetadataCodec<preview3.SessionClose> = {
  bytes: preview3.SESSION_CLOSE_BYTES,
  encode: preview3.encodeSessionClose,
};
export const SESSION_CLOSE_ACK: MetadataCodec<preview3.SessionCloseAck> = {
  bytes: preview3.SESSION_CLOSE_ACK_BYTES,
  encode: preview3.encodeSessionCloseAck,
};
export const SESSION_PATCH: MetadataCodec<preview3.SessionPatch> = {
  bytes: preview3.SESSION_PATCH_BYTES,
  encode: preview3.encodeSessionPatch,
};
export const SESSION_PATCH_ACK: MetadataCodec<preview3.SessionPatchAck> = {
  bytes: preview3.SESSION_PATCH_ACK_BYTES,
  encode: preview3.encodeSessionPatchAck,
};
export const SESSION_MIGRATE: MetadataCodec<preview3.SessionMigrate> = {
  bytes: preview3.SESSION_MIGRATE_BYTES,
  encode: preview3.encodeSessionMigrate,
};
export const SESSION_MIGRATE_ACK: MetadataCodec<preview3.SessionMigrateAck> = {
  bytes: preview3.SESSION_MIGRATE_ACK_BYTES,
  encode: preview3.encodeSessionMigrateAck,
};
export const CLIENT_HELLO: MetadataCodec<preview3.ClientHello> = {
  bytes: preview3.CLIENT_HELLO_BYTES,
  encode: preview3.encodeClientHello,
};
export const SERVER_HELLO_ACK: MetadataCodec<preview3.ServerHelloAck> = {
  bytes: preview3.SERVER_HELLO_ACK_BYTES,
  encode: preview3.encodeServerHelloAck,
};
export const FRAME_SUBMIT: MetadataCodec<preview3.FrameSubmit> = rememberingCodec(
  preview3.MessageType.FrameSubmit,
  preview3.FRAME_SUBMIT_BYTES,
  preview3.encodeFrameSubmit,
  preview3.FRAME_SUBMIT_OFFSETS,
);
export const RESULT_PUSH: MetadataCodec<preview3.ResultPush> = rememberingCodec(
  preview3.MessageType.ResultPush,
  preview3.RESULT_PUSH_BYTES,
  preview3.encodeResultPush,
  preview3.RESULT_PUSH_OFFSETS,
);
export const RESULT_HINT: MetadataCodec<preview3.ResultHint> = {
  bytes: preview3.RESULT_HINT_BYTES,
  encode: preview3.encodeResultHint,
};
export const FLOW_UPDATE: MetadataCodec<preview3.FlowUpdate> = {
  bytes: preview3.FLOW_UPDATE_BYTES,
  encode: preview3.encodeFlowUpdate,
};
export const CACHE_PUT: MetadataCodec<preview3.CachePut> = {
  bytes: preview3.CACHE_PUT_BYTES,
  encode: preview3.encodeCachePut,
};
export const CACHE_ACK: MetadataCodec<preview3.CacheAck> = {
  bytes: preview3.CACHE_ACK_BYTES,
  encode: preview3.encodeCacheAck,
};
export const CACHE_INVALIDATE: MetadataCodec<preview3.CacheInvalidate> = {
  bytes: preview3.CACHE_INVALIDATE_BYTES,
  encode: preview3.encodeCacheInvalidate,
};
export const TRANSPORT_PROBE: MetadataCodec<preview3.TransportProbe> = {
  bytes: preview3.TRANSPORT_PROBE_BYTES,
  encode: preview3.encodeTransportProbe,
};
export const TRANSPORT_PROBE_ACK: MetadataCodec<preview3.TransportProbeAck> = {
  bytes: preview3.TRANSPORT_PROBE_ACK_BYTES,
  encode: preview3.encodeTransportProbeAck,
};
export const ERROR_MESSAGE: MetadataCodec<preview3.ErrorMessage> = {
  bytes: preview3.ERROR_MESSAGE_BYTES,
  encode: preview3.encodeErrorMessage,
};
