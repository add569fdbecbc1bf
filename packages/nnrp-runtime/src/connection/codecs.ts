import { preview3 } from 'nnrp-core';
import type { MetadataCodec } from './outbound-message.js';

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
export const FRAME_SUBMIT: MetadataCodec<preview3.FrameSubmit> = {
  bytes: preview3.FRAME_SUBMIT_BYTES,
  encode: preview3.encodeFrameSubmit,
};
export const RESULT_PUSH: MetadataCodec<preview3.ResultPush> = {
  bytes: preview3.RESULT_PUSH_BYTES,
  encode: preview3.encodeResultPush,
};
export const ERROR_MESSAGE: MetadataCodec<preview3.ErrorMessage> = {
  bytes: preview3.ERROR_MESSAGE_BYTES,
  encode: preview3.encodeErrorMessage,
};
