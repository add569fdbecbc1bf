import { buildPacket, type Packet, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { resultMetadata, submitMetadata } from 'nnrp-runtime';

const { MessageType } = preview3;
const UTF8 = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** A structure that is the metadata of one message. */
interface Codec<T> {
  readonly messageType: number;
  readonly bytes: number;
  readonly encode: (value: T, view: DataView, start?: number) => unknown;
  readonly decode: (view: DataView, start?: number) => T;
}

function codec<T>(
  messageType: number,
  bytes: number,
  encode: Codec<T>['encode'],
  decode: Codec<T>['decode'],
): Codec<T> {
  return { messageType, bytes, encode, decode };
}

/** The messages with metadata that the cases send or read. */
export const WIRE = {
  hello: codec(MessageType.ClientHello, 64, preview3.encodeClientHello, preview3.decodeClientHello),
  helloAck: codec(MessageType.ServerHelloAck, 80, preview3.encodeServerHelloAck, preview3.decodeServerHelloAck),
  open: codec(MessageType.SessionOpen, 48, preview3.encodeSessionOpen, preview3.decodeSessionOpen),
  openAck: codec(MessageType.SessionOpenAck, 56, preview3.encodeSessionOpenAck, preview3.decodeSessionOpenAck),
  close: codec(MessageType.SessionClose, 24, preview3.encodeSessionClose, preview3.decodeSessionClose),
  closeAck: codec(MessageType.SessionCloseAck, 16, preview3.encodeSessionCloseAck, preview3.decodeSessionCloseAck),
  submit: codec(MessageType.FrameSubmit, 72, preview3.encodeFrameSubmit, preview3.decodeFrameSubmit),
  result: codec(MessageType.ResultPush, 64, preview3.encodeResultPush, preview3.decodeResultPush),
  flow: codec(MessageType.FlowUpdate, 32, preview3.encodeFlowUpdate, preview3.decodeFlowUpdate),
  put: codec(MessageType.CachePut, 32, preview3.encodeCachePut, preview3.decodeCachePut),
  cacheAck: codec(MessageType.CacheAck, 28, preview3.encodeCacheAck, preview3.decodeCacheAck),
  invalidate: codec(MessageType.CacheInvalidate, 20, preview3.encodeCacheInvalidate, preview3.decodeCacheInvalidate),
  error: codec(MessageType.Error, 32, preview3.encodeErrorMessage, preview3.decodeErrorMessage),
};

/** A whole packet of metadata bytes. Copied. */
export function packetOf(
  messageType: number,
  sessionId = 0,
  frameId = 0,
  metadata: Uint8Array = NOTHING,
  body: Uint8Array = NOTHING,
): Uint8Array {
  const header = { messageType: messageType as preview3.MessageType, sessionId, frameId };
  return new Uint8Array(Buffer.concat(buildPacket(header, metadata, body)));
}

/** A whole packet of a structure. */
export function message<T>(
  { messageType, bytes, encode }: Codec<T>,
  sessionId: number,
  frameId: number,
  value: T,
  body: Uint8Array | string = NOTHING,
): Uint8Array {
  const metadata = new Uint8Array(bytes);
  encode(value, new DataView(metadata.buffer));
  return packetOf(messageType, sessionId, frameId, metadata, typeof body === 'string' ? UTF8.encode(body) : body);
}

/** The metadata of a packet. @throws UsageError when the packet is another message */
export function decoded<T>({ messageType, decode }: Codec<T>, packet: Packet): T {
  if (packet.messageType !== messageType) throw new UsageError(`message ${packet.messageType}, not ${messageType}`);
  return decode(packet.view, packet.metadataStart);
}

/** The bytes of a packet as they were on the wire. */
export function wireBytes(packet: Packet): Uint8Array {
  return packet.bytes.subarray(packet.start, packet.start + packet.byteLength);
}

export const DEFAULT_OPEN: preview3.SessionOpen = {
  requestedSessionId: 1,
  profileId: preview3.ProfileId.Token,
  priorityClass: preview3.SessionPriorityClass.Balanced,
  sessionFlags: 0,
  schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
  schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
  defaultDeadlineMs: 0,
  maxInFlightOperations: 4,
  leaseTtlHintMs: 30_000,
  resumeTokenBytes: 0,
  authBytes: 0,
  sessionExtensionBytes: 0,
  clientSessionTag: 1n,
};

const DEFAULT_OPEN_ACK: preview3.SessionOpenAck = {
  sessionId: 1,
  acceptedProfileId: preview3.ProfileId.Token,
  acceptedPriorityClass: preview3.SessionPriorityClass.Balanced,
  sessionStatus: preview3.SessionStatus.Opened,
  schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
  schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
  grantedOperationCredit: 2,
  maxInFlightOperations: 4,
  leaseTtlMs: 30_000,
  resumeWindowMs: 0,
  resumeTokenBytes: 0,
  sessionExtensionBytes: 0,
  serverSessionTag: 1n,
  routeScopeId: 0,
  sessionErrorCode: 0,
  sessionFlagsAck: 0,
};

/** SESSION_OPEN of a peer that announces nothing. */
export function openBytes(open: Partial<preview3.SessionOpen> = {}, body?: Uint8Array): Uint8Array {
  return message(WIRE.open, 0, 0, { ...DEFAULT_OPEN, ...open }, body);
}

export function openAckBytes(ack: Partial<preview3.SessionOpenAck> = {}): Uint8Array {
  const complete = { ...DEFAULT_OPEN_ACK, ...ack };
  return message(WIRE.openAck, complete.sessionId, 0, complete);
}

export function submitBytes(
  sessionId: number,
  frameId: number,
  body: Uint8Array | string = 'prompt',
  metadata: Partial<preview3.FrameSubmit> = {},
): Uint8Array {
  return message(WIRE.submit, sessionId, frameId, submitMetadata(metadata), body);
}

export function closeBytes(sessionId: number, close: Partial<preview3.SessionClose> = {}): Uint8Array {
  return message(WIRE.close, sessionId, 0, {
    closeReason: preview3.CloseReason.ClientShutdown,
    inFlightPolicy: preview3.InFlightPolicy.Drain,
    drainTimeoutMs: 0,
    lastOperationId: 0n,
    sessionErrorCode: 0,
    sessionCloseTag: sessionId,
    ...close,
  });
}

export function closeAckBytes(sessionId: number, closeStatus: preview3.CloseStatus, sessionErrorCode = 0): Uint8Array {
  return message(WIRE.closeAck, sessionId, 0, { closeStatus, lastOperationId: 0n, sessionErrorCode });
}

/** RESULT_PUSH of a token result. */
export function resultBytes(
  sessionId: number,
  frameId: number,
  body: Uint8Array | string,
  partial = false,
): Uint8Array {
  const { ResultClass, ResultFlags } = preview3;
  const marks = partial ? { resultClass: ResultClass.Partial, resultFlags: ResultFlags.Partial } : {};
  return message(WIRE.result, sessionId, frameId, resultMetadata(marks), body);
}

/** FLOW_UPDATE; connection scope for session 0, else session scope, unless the update says more. */
export function flowBytes(sessionId: number, update: Partial<preview3.FlowUpdate>): Uint8Array {
  const { ScopeKind } = preview3;
  return message(WIRE.flow, sessionId, 0, {
    scopeKind: sessionId === 0 ? ScopeKind.Connection : ScopeKind.Session,
    updateReason: preview3.UpdateReason.Grant,
    backpressureLevel: preview3.BackpressureLevel.None,
    connectionCredit: 0,
    sessionCredit: 0,
    operationCredit: 0,
    operationId: 0n,
    retryAfterMs: 0,
    creditEpoch: 1,
    flowFlags: preview3.FlowFlags.CreditValid,
    ...update,
  });
}

/** CACHE_PUT of a prompt segment under a key. */
export function putBytes(
  sessionId: number,
  body: Uint8Array | string,
  put: Partial<preview3.CachePut> = {},
): Uint8Array {
  const bytes = typeof body === 'string' ? UTF8.encode(body) : body;
  const metadata: preview3.CachePut = { ...PROMPT_OBJECT, objectBytes: bytes.length, ...put };
  return message(WIRE.put, sessionId, 0, metadata, bytes);
}

const PROMPT_OBJECT: preview3.CachePut = {
  cacheNamespace: 7,
  cacheKeyHi: 1,
  cacheKeyLo: 2,
  objectKind: preview3.CacheObjectKind.PromptSegment,
  ttlMs: 0,
  objectBytes: 0,
  codecBitmap: 0,
  flags: 0,
};
