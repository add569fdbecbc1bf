import * as preview3 from 'nnrp-core/preview3';
import { submitMetadata } from '../../src/client/submits/submit-options.js';
import {
  FLOW_UPDATE,
  FRAME_SUBMIT,
  SESSION_CLOSE,
  SESSION_CLOSE_ACK,
  SESSION_PATCH,
} from '../../src/connection/sending/codecs.js';
import type { MetadataCodec } from '../../src/connection/sending/outbound-message.js';
import { openBytes, packetBytes } from '../support/wire-packets.js';

const { BackpressureLevel, CloseReason, CloseStatus, FlowFlags, MessageType, PatchFlags, UpdateReason } = preview3;

const ANNOUNCEMENT = preview3.encodeControlExtensions([
  { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() },
]);

function metadataOf<T>(codec: MetadataCodec<T>, value: T): Uint8Array {
  const metadata = new Uint8Array(codec.bytes);
  codec.encode(value, new DataView(metadata.buffer), 0);
  return metadata;
}

/** SESSION_OPEN without a default deadline: time runs only where a step of the model says so. */
export function modelOpen(announced: boolean): Uint8Array {
  const open = { requestedSessionId: 0, defaultDeadlineMs: 0 };
  if (!announced) return openBytes(open);
  return openBytes({ ...open, sessionExtensionBytes: ANNOUNCEMENT.length }, ANNOUNCEMENT);
}

export function modelSubmit(sessionId: number, frameId: number, body: string, latencyBudgetMs = 0): Uint8Array {
  const metadata = metadataOf(FRAME_SUBMIT, submitMetadata({ latencyBudgetMs }));
  return packetBytes(MessageType.FrameSubmit, sessionId, frameId, metadata, new TextEncoder().encode(body));
}

/** A FRAME_SUBMIT whose metadata breaks FSUB-1. */
export function malformedSubmit(sessionId: number, frameId: number): Uint8Array {
  const metadata = metadataOf(FRAME_SUBMIT, submitMetadata());
  new DataView(metadata.buffer).setUint16(preview3.FRAME_SUBMIT_OFFSETS.tileCount, 7, true);
  return packetBytes(MessageType.FrameSubmit, sessionId, frameId, metadata);
}

export interface ModelFlow {
  readonly epoch: number;
  readonly kind: 'pause' | 'resume' | 'hard' | 'no_credit' | 'credit';
}

/** FLOW_UPDATE of the connection (session 0), of a session, or of one of its operations. */
export function modelFlow(sessionId: number, operationId: number, { epoch, kind }: ModelFlow): Uint8Array {
  const { Connection, Operation, Session } = preview3.ScopeKind;
  const scopeKind = sessionId === 0 ? Connection : operationId === 0 ? Session : Operation;
  const credit = kind === 'credit' ? 8 : 0;
  const hasCredit = kind === 'credit' || kind === 'no_credit';
  const update: preview3.FlowUpdate = {
    scopeKind,
    updateReason:
      { pause: UpdateReason.Pause, resume: UpdateReason.Resume, hard: UpdateReason.Congestion }[kind as string] ??
      UpdateReason.Reduce,
    backpressureLevel: kind === 'hard' ? BackpressureLevel.Hard : BackpressureLevel.None,
    connectionCredit: scopeKind === Connection ? credit : 0,
    sessionCredit: scopeKind === Session ? credit : 0,
    operationCredit: scopeKind === Operation ? credit : 0,
    operationId: BigInt(operationId),
    retryAfterMs: 0,
    creditEpoch: epoch,
    flowFlags: hasCredit ? FlowFlags.CreditValid : 0,
  };
  return packetBytes(MessageType.FlowUpdate, sessionId, 0, metadataOf(FLOW_UPDATE, update));
}

export function modelPatch(sessionId: number, qualityTier: number): Uint8Array {
  const patch: preview3.SessionPatch = {
    profileId: 0,
    patchMask: PatchFlags.QualityTier,
    targetCadenceX100: 0,
    qualityTier,
    degradePolicy: 0,
    activeLaneMask: 0n,
    preferredCodecBitmap: 0,
    preferredCompressionBitmap: 0,
    profilePatchBytes: 0,
  };
  return packetBytes(MessageType.SessionPatch, sessionId, 0, metadataOf(SESSION_PATCH, patch));
}

export function modelClose(
  sessionId: number,
  inFlightPolicy: preview3.InFlightPolicy,
  drainTimeoutMs: number,
): Uint8Array {
  const close: preview3.SessionClose = {
    closeReason: CloseReason.ClientShutdown,
    inFlightPolicy,
    drainTimeoutMs,
    lastOperationId: 0n,
    sessionErrorCode: 0,
    sessionCloseTag: sessionId,
  };
  return packetBytes(MessageType.SessionClose, sessionId, 0, metadataOf(SESSION_CLOSE, close));
}

/** Confirms a SESSION_CLOSE of the server. */
export function modelCloseAck(sessionId: number): Uint8Array {
  const ack: preview3.SessionCloseAck = { closeStatus: CloseStatus.Closed, lastOperationId: 0n, sessionErrorCode: 0 };
  return packetBytes(MessageType.SessionCloseAck, sessionId, 0, metadataOf(SESSION_CLOSE_ACK, ack));
}
