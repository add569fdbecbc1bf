import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { submitMetadata } from '../../src/client/submits/submit-options.js';
import {
  CACHE_PUT,
  FLOW_UPDATE,
  FRAME_SUBMIT,
  SESSION_CLOSE,
  SESSION_CLOSE_ACK,
  SESSION_MIGRATE,
  SESSION_PATCH,
} from '../../src/connection/sending/codecs.js';
import type { MetadataCodec } from '../../src/connection/sending/outbound-message.js';
import type { NnrpServer } from '../../src/server/server.js';
import { carrier } from './carrier.js';
import { described } from './described.js';
import type { RawPeer } from './raw-peer.js';
import type { Stage } from './stage.js';
import { cancelBytes, openAck, openBytes, packetBytes } from './wire-packets.js';

const { MessageType } = preview3;

/** What a client of this package sends with SESSION_OPEN to say what it understands. */
export const ANNOUNCEMENT = announcementOf();

function announcementOf(families?: number): Uint8Array {
  const payload = preview3.encodePeerMessages(families);
  return preview3.encodeControlExtensions([{ type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload }]);
}

/** A message of any kind, whole. */
export function messageBytes<T>(
  messageType: preview3.MessageType,
  codec: MetadataCodec<T>,
  value: T,
  sessionId = 0,
  body?: Uint8Array | string,
): Uint8Array {
  const metadata = new Uint8Array(codec.bytes);
  codec.encode(value, new DataView(metadata.buffer), 0);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return packetBytes(messageType, sessionId, 0, metadata, bytes);
}

/** SESSION_OPEN of a peer that says what it understands: everything, unless `families` says otherwise. */
export function announcedOpenBytes(open: Partial<preview3.SessionOpen> = {}, families?: number): Uint8Array {
  const block = announcementOf(families);
  return openBytes({ ...open, sessionExtensionBytes: block.length }, block);
}

interface PeerOpen extends Partial<preview3.SessionOpen> {
  /** Default true. */
  readonly announced?: boolean;
  /** Bits of PeerMessages that an announced peer understands; default all. */
  readonly families?: number;
}

/** One session of a bare peer, spoken for packet by packet. */
export class SessionPeer {
  private constructor(
    readonly raw: RawPeer,
    readonly ack: preview3.SessionOpenAck,
  ) {}

  /** A new connection with a session on it; announced unless said otherwise. */
  static async open(stage: Stage, server: NnrpServer, open: PeerOpen = {}): Promise<SessionPeer> {
    return SessionPeer.openOn(await stage.peer(server), open);
  }

  /** One more session on a connection. */
  static async openOn(raw: RawPeer, { announced = true, families, ...open }: PeerOpen = {}): Promise<SessionPeer> {
    raw.send(announced ? announcedOpenBytes(open, families) : openBytes(open));
    const ack = openAck(await raw.next('SESSION_OPEN_ACK'));
    if (ack.sessionErrorCode !== 0) throw new Error(`refused with ${ack.sessionErrorCode}`);
    return new SessionPeer(raw, ack);
  }

  get sessionId(): number {
    return this.ack.sessionId;
  }

  submit(frameId: number, body: Uint8Array | string = 'work', metadata: Partial<preview3.FrameSubmit> = {}): void {
    this.raw.send(this.submitBytes(frameId, body, metadata));
  }

  submitBytes(
    frameId: number,
    body: Uint8Array | string = 'work',
    metadata: Partial<preview3.FrameSubmit> = {},
  ): Uint8Array {
    const whole = { ...submitMetadata(), ...metadata };
    const bytes = messageBytes(MessageType.FrameSubmit, FRAME_SUBMIT, whole, this.sessionId, body);
    new DataView(bytes.buffer).setUint32(24, frameId, true);
    return bytes;
  }

  cancel(frameId: number): void {
    this.raw.send(cancelBytes(this.sessionId, frameId));
  }

  /** FLOW_UPDATE; of the session unless said otherwise. */
  flow(fields: Partial<preview3.FlowUpdate> & { creditEpoch: number }): void {
    const update: preview3.FlowUpdate = {
      scopeKind: preview3.ScopeKind.Session,
      updateReason: preview3.UpdateReason.Grant,
      backpressureLevel: preview3.BackpressureLevel.None,
      connectionCredit: 0,
      sessionCredit: 0,
      operationCredit: 0,
      operationId: 0n,
      retryAfterMs: 0,
      flowFlags: 0,
      ...fields,
    };
    const sessionId = update.scopeKind === preview3.ScopeKind.Connection ? 0 : this.sessionId;
    this.raw.send(messageBytes(MessageType.FlowUpdate, FLOW_UPDATE, update, sessionId));
  }

  patch(fields: Partial<preview3.SessionPatch> = {}, body?: Uint8Array | string): void {
    this.raw.send(this.patchBytes(fields, body));
  }

  patchBytes(fields: Partial<preview3.SessionPatch> = {}, body?: Uint8Array | string): Uint8Array {
    const patch: preview3.SessionPatch = {
      profileId: preview3.ProfileId.Token,
      patchMask: preview3.PatchFlags.QualityTier,
      targetCadenceX100: 0,
      qualityTier: 3,
      degradePolicy: 0,
      activeLaneMask: 0n,
      preferredCodecBitmap: 0,
      preferredCompressionBitmap: 0,
      profilePatchBytes: 0,
      ...fields,
    };
    return messageBytes(MessageType.SessionPatch, SESSION_PATCH, patch, this.sessionId, body);
  }

  migrate(fields: Partial<preview3.SessionMigrate> = {}): void {
    const migrate: preview3.SessionMigrate = {
      oldTransportId: carrier.transportId || preview3.TransportId.Quic,
      newTransportId: carrier.otherTransportId,
      lastResultFrameId: 0n,
      clientMigrateTsUs: 0n,
      ...fields,
    };
    this.raw.send(messageBytes(MessageType.SessionMigrate, SESSION_MIGRATE, migrate, this.sessionId));
  }

  close(fields: Partial<preview3.SessionClose> = {}): void {
    const close: preview3.SessionClose = {
      closeReason: preview3.CloseReason.ClientShutdown,
      inFlightPolicy: preview3.InFlightPolicy.Drain,
      drainTimeoutMs: 0,
      lastOperationId: 0n,
      sessionErrorCode: 0,
      sessionCloseTag: this.sessionId,
      ...fields,
    };
    this.raw.send(messageBytes(MessageType.SessionClose, SESSION_CLOSE, close, this.sessionId));
  }

  closeAck(closeStatus: preview3.CloseStatus): void {
    const ack = { closeStatus, lastOperationId: 0n, sessionErrorCode: 0 };
    this.raw.send(messageBytes(MessageType.SessionCloseAck, SESSION_CLOSE_ACK, ack, this.sessionId));
  }

  /** CACHE_PUT of a prompt segment in namespace 1 unless said otherwise. */
  put(cacheKeyLo: number, body: Uint8Array | string, fields: Partial<preview3.CachePut> = {}): void {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const put: preview3.CachePut = {
      cacheNamespace: 1,
      cacheKeyHi: 0,
      cacheKeyLo,
      objectKind: preview3.CacheObjectKind.PromptSegment,
      ttlMs: 0,
      objectBytes: bytes.length,
      codecBitmap: 0,
      flags: 0,
      ...fields,
    };
    this.raw.send(messageBytes(MessageType.CachePut, CACHE_PUT, put, this.sessionId, bytes));
  }

  /** The next packet. */
  packet(): Promise<Packet> {
    return this.raw.next();
  }

  /** What the next packet says, see `described`. */
  async next(): Promise<string> {
    return described(await this.raw.next());
  }

  /** What the next packets say. */
  async take(count: number): Promise<string[]> {
    const seen: string[] = [];
    while (seen.length < count) seen.push(await this.next());
    return seen;
  }

  /** Sends a PING. @returns what comes before its answer: by then the server has read everything sent before */
  async answers(): Promise<string[]> {
    this.raw.send(packetBytes(MessageType.Ping));
    const seen: string[] = [];
    for (;;) {
      const said = await this.next();
      if (said === 'pong') return seen;
      seen.push(said);
    }
  }
}
