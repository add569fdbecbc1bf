import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { SESSION_PATCH } from '../../../src/connection/sending/codecs.js';
import { described } from '../../support/described.js';
import { resumableOpenBytes } from '../../support/resumable-peer.js';
import { cancelBytes, closeBytes, openAck, packetBytes, submitBytes } from '../../support/wire-packets.js';
import { CuttableWire, type WireListener } from './cuttable-wire.js';

/** The client's side by the book: what it has sent, what it has got, and a connection that may be there. */
export class LogPeer {
  sessionId = 0;
  /** The last token that has got here. */
  token: Uint8Array = new Uint8Array(0);
  /** Packets of the session that have got here, in words. */
  readonly got: string[] = [];
  /** Packets of the session that were sent, over all connections. */
  readonly log: Uint8Array[] = [];
  wire: CuttableWire | undefined;
  /** The last that was refused, in words. */
  refusal: string | undefined;
  frames = 0;
  patches = 0;
  isClosing = false;

  constructor(private readonly listener: WireListener) {}

  /** Connects, and asks. */
  ask(token: Uint8Array, received: number | undefined): CuttableWire {
    const wire = new CuttableWire(this.listener);
    const bytes = resumableOpenBytes({ sessionId: this.sessionId, token, received });
    wire.toServer.push({ bytes, kind: 'open' });
    return wire;
  }

  send(bytes: Uint8Array): void {
    this.log.push(bytes);
    if (this.wire?.isGranted === true) this.wire.toServer.push({ bytes, kind: 'session' });
  }

  submit(): number {
    const frameId = ++this.frames;
    this.send(submitBytes(this.sessionId, frameId, `work ${frameId}`));
    return frameId;
  }

  cancel(frameId: number): void {
    this.send(cancelBytes(this.sessionId, frameId));
  }

  patch(): void {
    const metadata = new Uint8Array(preview3.SESSION_PATCH_BYTES);
    const patch = { ...NO_PATCH, patchMask: preview3.PatchFlags.TargetCadence, targetCadenceX100: ++this.patches };
    SESSION_PATCH.encode(patch, new DataView(metadata.buffer), 0);
    this.send(packetBytes(MessageType.SessionPatch, this.sessionId, 0, metadata));
  }

  close(): void {
    this.isClosing = true;
    this.send(closeBytes(this.sessionId));
  }

  /** The next packet gets here. @returns false when there is none */
  take(): boolean {
    const { wire } = this;
    const packet = wire?.toPeer.shift();
    if (wire === undefined || packet === undefined) return false;
    if (packet.messageType === MessageType.Ping) {
      wire.fences.push(this.got.length);
      wire.toServer.push({ bytes: packetBytes(MessageType.Pong), kind: 'pong' });
    } else if (packet.messageType === MessageType.SessionOpenAck) {
      const ack = openAck(packet);
      if (ack.sessionErrorCode !== 0) this.refusal = described(packet);
      else this.granted(wire, ack, packet);
    } else if (packet.sessionId === this.sessionId) {
      this.got.push(described(packet));
      const isAsked = packet.messageType === MessageType.SessionClose;
      if (isAsked) this.send(closeAckBytes(this.sessionId));
    }
    return true;
  }

  /** How many packets the server says it has received. */
  positionIn(ack: Packet): number | undefined {
    const extensions = preview3.decodeControlExtensions(ack.body.subarray(openAck(ack).resumeTokenBytes));
    const entry = extensions.find(({ type }) => type === preview3.RESUME_POSITION_EXTENSION);
    return entry && preview3.decodeResumePosition(entry.payload);
  }

  private granted(wire: CuttableWire, ack: preview3.SessionOpenAck, packet: Packet): void {
    this.sessionId = ack.sessionId;
    this.token = new Uint8Array(packet.body.subarray(0, ack.resumeTokenBytes));
    const position = this.positionIn(packet) ?? 0;
    wire.isGranted = true;
    for (const bytes of this.log.slice(position)) wire.toServer.push({ bytes, kind: 'session' });
  }
}

const NO_PATCH: preview3.SessionPatch = {
  profileId: preview3.ProfileId.Token,
  patchMask: 0,
  targetCadenceX100: 0,
  qualityTier: 0,
  degradePolicy: 0,
  activeLaneMask: 0n,
  preferredCodecBitmap: 0,
  preferredCompressionBitmap: 0,
  profilePatchBytes: 0,
};

function closeAckBytes(sessionId: number): Uint8Array {
  const metadata = new Uint8Array(preview3.SESSION_CLOSE_ACK_BYTES);
  const ack: preview3.SessionCloseAck = {
    closeStatus: preview3.CloseStatus.Closed,
    lastOperationId: 0n,
    sessionErrorCode: 0,
  };
  preview3.encodeSessionCloseAck(ack, new DataView(metadata.buffer));
  return packetBytes(MessageType.SessionCloseAck, sessionId, 0, metadata);
}
