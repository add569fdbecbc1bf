import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode } from 'nnrp-core/preview3';
import { announcedFamilies, announcedPacketBytes } from '../../connection/announcement.js';
import { positionIn } from '../../connection/recovery/position-entry.js';
import type { Dialect } from '../../connection/revision/dialect.js';

/** What is told of the body of a SESSION_OPEN. */
export interface OpenReader {
  readonly dialect: Dialect;
  /**
   * The client has shown that it knows more than the reference client.
   * @param families - bits of PeerMessages that it says it understands; 0 when it does not say
   */
  announced(families: number): void;
  /** The client says how large a packet it takes; undefined when it does not. */
  peerTakes(maxPacketBytes: number | undefined): void;
  /** The request cannot be read. */
  malformed(packet: Packet, text: string, errorCode: number): void;
}

/** What the body of a SESSION_OPEN holds; views. */
export interface OpenBody {
  /** Empty when there is none, or only its length was announced. */
  readonly token: Uint8Array;
  readonly auth: Uint8Array;
  /** Packets of the session that the client has received; undefined when it does not say. */
  readonly received: number | undefined;
  /**
   * Packets that another client had received, in whose place this one resumes: up to there, those that are not kept any more can
   * be left out. Undefined when it is the same client.
   */
  readonly had: number | undefined;
}

/**
 * token, auth, extension: all of them, or none as the reference client sends it (docs/protocol.md A-2).
 *
 * @returns undefined when the body is malformed, which the reader has been told
 */
export function readOpenBody(packet: Packet, open: preview3.SessionOpen, reader: OpenReader): OpenBody | undefined {
  const { resumeTokenBytes, authBytes, sessionExtensionBytes } = open;
  const { body } = packet;
  const announced = resumeTokenBytes + authBytes + sessionExtensionBytes;
  if (reader.dialect.isPreview4 && body.length === resumeTokenBytes) {
    // Authentication and extensions may be announced without coming along.
    return { token: body, auth: body.subarray(body.length), received: undefined, had: undefined };
  }
  if (body.length === 0 && !reader.dialect.isPreview4)
    return { token: body, auth: body, received: undefined, had: undefined };
  if (body.length !== announced) {
    const text = `SESSION_OPEN announces ${announced} body bytes, got ${body.length}`;
    reader.malformed(packet, text, ErrorCode.MalformedBody);
    return undefined;
  }
  const authEnd = resumeTokenBytes + authBytes;
  const extensions = readExtensions(packet, body.subarray(authEnd), reader);
  if (extensions === undefined) return undefined;
  const token = body.subarray(0, resumeTokenBytes);
  // One that cannot be is refused like one that is too high.
  const received = positionIn(extensions, preview3.RESUME_POSITION_EXTENSION);
  const had = positionIn(extensions, preview3.RESUME_TICKET_EXTENSION);
  return { token, auth: body.subarray(resumeTokenBytes, authEnd), received, had };
}

/** @returns undefined when the block is malformed, which the reader has been told */
function readExtensions(
  packet: Packet,
  block: Uint8Array,
  reader: OpenReader,
): readonly preview3.ControlExtension[] | undefined {
  if (block.length === 0) return [];
  if (preview3.checkControlExtensions(block) !== undefined) {
    reader.malformed(packet, 'SESSION_OPEN: the extension block is malformed', ErrorCode.MalformedBody);
    return undefined;
  }
  const extensions = preview3.decodeControlExtensions(block);
  const unknown = extensions.find(({ type, critical }) => critical && type !== preview3.PEER_MESSAGES_EXTENSION);
  if (unknown !== undefined) {
    const text = `SESSION_OPEN: critical extension 0x${unknown.type.toString(16).padStart(4, '0')} is not known`;
    reader.malformed(packet, text, ErrorCode.UnsupportedCapability);
    return undefined;
  }
  // The reference client sends no block at all.
  if (extensions.length > 0) reader.announced(announcedFamilies(extensions) ?? 0);
  reader.peerTakes(announcedPacketBytes(extensions));
  return extensions;
}
