import { buildPacket, type Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { sessionOpen } from '../../src/client/contract/client-config.js';
import { submitMetadata } from '../../src/client/submits/submit-options.js';

const { MessageType } = preview3;
const NOTHING = new Uint8Array(0);

/** The bytes of a packet as they were on the wire. */
export function bytesOf(packet: Packet): Uint8Array {
  return packet.bytes.subarray(packet.start, packet.start + packet.byteLength);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function bytesFrom(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** A whole packet. @param metadata - bytes, or a structure and what to write in it */
export function packetBytes(
  messageType: preview3.MessageType,
  sessionId = 0,
  frameId = 0,
  metadata: Uint8Array = NOTHING,
  body: Uint8Array = NOTHING,
): Uint8Array {
  return new Uint8Array(Buffer.concat(buildPacket({ messageType, sessionId, frameId }, metadata, body)));
}

/** SESSION_OPEN; what is left out is what a client of this package asks for by default. */
export function openBytes(open: Partial<preview3.SessionOpen> = {}, body?: Uint8Array): Uint8Array {
  return packetBytes(MessageType.SessionOpen, 0, 0, openMetadata(open), body);
}

export function openMetadata(open: Partial<preview3.SessionOpen>): Uint8Array {
  const metadata = new Uint8Array(preview3.SESSION_OPEN_BYTES);
  preview3.encodeSessionOpen({ ...sessionOpen({}), ...open }, new DataView(metadata.buffer));
  return metadata;
}

export function submitBytes(sessionId: number, frameId: number, body: Uint8Array | string = 'work'): Uint8Array {
  const metadata = new Uint8Array(preview3.FRAME_SUBMIT_BYTES);
  preview3.encodeFrameSubmit(submitMetadata(), new DataView(metadata.buffer));
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return packetBytes(MessageType.FrameSubmit, sessionId, frameId, metadata, bytes);
}

export function cancelBytes(sessionId: number, frameId: number): Uint8Array {
  return packetBytes(MessageType.FrameCancel, sessionId, frameId);
}

export function closeBytes(sessionId: number, lastOperationId = 0n): Uint8Array {
  const metadata = new Uint8Array(preview3.SESSION_CLOSE_BYTES);
  const close = {
    closeReason: preview3.CloseReason.ClientShutdown,
    inFlightPolicy: preview3.InFlightPolicy.Drain,
    drainTimeoutMs: 0,
    lastOperationId,
    sessionErrorCode: 0,
    sessionCloseTag: sessionId,
  };
  preview3.encodeSessionClose(close, new DataView(metadata.buffer));
  return packetBytes(MessageType.SessionClose, sessionId, 0, metadata);
}

/** @throws Error when the packet is no SESSION_OPEN_ACK */
export function openAck(packet: Packet): preview3.SessionOpenAck {
  if (packet.messageType !== MessageType.SessionOpenAck) throw new Error(`got message type ${packet.messageType}`);
  return preview3.decodeSessionOpenAck(packet.view, packet.metadataStart);
}

/** @throws Error when the packet is no ERROR */
export function errorOf(packet: Packet): preview3.ErrorMessage {
  if (packet.messageType !== MessageType.Error) throw new Error(`got message type ${packet.messageType}`);
  return preview3.decodeErrorMessage(packet.view, packet.metadataStart);
}
