import { type MessageInfo, type Packet, type ProtocolError, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType, PatchFlags, SessionPatchAckStatus, SessionPatchRejectReason } from 'nnrp-core/preview3';
import { bitsOf, oneOf, optionTable, U16, U32, U64 } from '../../base/option-kinds.js';
import { readValues } from '../../base/options.js';
import { type BodyInput, unlentBytes } from '../../connection/body/body-bytes.js';
import { SESSION_PATCH_ACK } from '../../connection/sending/codecs.js';
import { REQUEST_BYTES, type RequestBytes, UnansweredRequests } from '../bounds/unanswered-requests.js';
import type { PatchAckInit } from '../contract/contract.js';
import type { NnrpPatch } from '../contract/server-messages.js';
import type { FrameFailure } from '../failures/frame-failure.js';
import { bodyLengthError } from './body-length.js';
import { answeredByError, type RequestSession } from './request-failure.js';

/** What the patches of a session need of it. */
export interface PatchesOwner extends RequestSession {
  readonly isOver: boolean;
  /** Takes the patches that have come. */
  readonly receiver: { patch(patch: NnrpPatch): void };
  /** The client broke a rule that costs the session. */
  fail(error: ProtocolError, frameId: number): void;
}

const PATCH_ACK_FIELDS = optionTable<preview3.SessionPatchAck>({
  ackStatus: oneOf('SessionPatchAckStatus', SessionPatchAckStatus),
  rejectReason: oneOf('SessionPatchRejectReason', SessionPatchRejectReason),
  retryAfterMs: U32,
  effectiveProfileId: U16,
  effectiveTargetCadenceX100: U32,
  effectiveQualityTier: U16,
  effectiveDegradePolicy: U16,
  effectiveLaneMask: U64,
  effectiveCodecBitmap: U32,
  effectiveCompressionBitmap: U32,
  profilePatchAckBytes: U32,
  appliedPatchMask: bitsOf('PatchFlags', PatchFlags),
  rejectedPatchMask: bitsOf('PatchFlags', PatchFlags),
});

/** SESSION_PATCH: what the client wants to change, from its arrival to its answer. */
export class SessionPatches {
  private readonly pending: UnansweredRequests<NnrpPatch>;

  /** @param maxBytes - that those without an answer may hold before the connection is not read any more */
  constructor(
    private readonly owner: PatchesOwner,
    maxBytes: number,
  ) {
    this.pending = new UnansweredRequests(owner.connection, maxBytes);
  }

  /** Patches without an answer. */
  get size(): number {
    return this.pending.size;
  }

  received(packet: Packet, info: MessageInfo): void {
    const { owner } = this;
    const metadata = preview3.decodeSessionPatch(packet.view, packet.metadataStart);
    const announced =
      (metadata.patchMask & PatchFlags.ProfilePatch) === 0 ? packet.bodyLength : metadata.profilePatchBytes;
    if (packet.bodyLength !== 0 && packet.bodyLength !== announced) {
      owner.fail(bodyLengthError(packet, info, announced), packet.frameId);
      return;
    }
    // A copy: a short body must not keep the chunk that it came in.
    const patch = { metadata, profilePatch: new Uint8Array(packet.body) };
    // What is read while the session ends is answered by its end.
    if (owner.isOver) return;
    this.pending.add(patch, REQUEST_BYTES + packet.bodyLength);
    owner.receiver.patch(patch);
  }

  /**
   * Answers the oldest.
   *
   * @param body - the profile's own data; its length is written into the metadata
   * @returns whether there is room for more
   * @throws UsageError when none waits, or on a field that does not exist or fit; WireError when fields contradict each other
   */
  answer(ack: PatchAckInit, body: BodyInput): boolean {
    const patch = this.pending.oldest;
    if (patch === undefined) throw new UsageError(`session ${this.owner.sessionId}: no patch waits for an answer`);
    const room = this.send(patchAck(patch, ack), body);
    this.pending.answered(patch);
    return room;
  }

  /**
   * Answers a patch whose handler has failed: by an ERROR that says so, or to a client that does not understand it by a
   * rejection.
   *
   * @returns false when the patch has an answer already
   */
  failed(patch: NnrpPatch, failure: FrameFailure): boolean {
    if (!this.pending.answered(patch)) return false;
    if (answeredByError(this.owner, 'SESSION_PATCH', failure)) return true;
    const { retryAfterMs } = failure;
    const { RateLimited, UnsupportedField } = SessionPatchRejectReason;
    const rejectReason = retryAfterMs > 0 ? RateLimited : UnsupportedField;
    this.send(patchAck(patch, { rejectReason, retryAfterMs }), '');
    return true;
  }

  /** The session has another connection, or none for now. */
  moveTo(counted: RequestBytes): void {
    this.pending.moveTo(counted);
  }

  /** The session is over. */
  end(): void {
    this.pending.end();
  }

  private send(ack: preview3.SessionPatchAck, body: BodyInput): boolean {
    const bytes = unlentBytes(body);
    const metadata = { ...ack, profilePatchAckBytes: bytes.length };
    const { sessionId, lane, connection } = this.owner;
    return connection.send(MessageType.SessionPatchAck, sessionId, 0, SESSION_PATCH_ACK, metadata, bytes, lane);
  }
}

/** The complete answer to a patch. With a rejectReason and no masks, everything is rejected. */
function patchAck({ metadata: patch }: NnrpPatch, given: PatchAckInit): preview3.SessionPatchAck {
  const init = readValues('patch ack', given, PATCH_ACK_FIELDS);
  const rejected = init.rejectReason !== undefined && init.rejectReason !== SessionPatchRejectReason.None;
  const appliedPatchMask = init.appliedPatchMask ?? (rejected ? 0 : patch.patchMask & ~(init.rejectedPatchMask ?? 0));
  const rejectedPatchMask = init.rejectedPatchMask ?? patch.patchMask & ~appliedPatchMask;
  const applied = (flag: number) => (appliedPatchMask & flag) !== 0;
  return {
    ackStatus: statusOf(appliedPatchMask, rejectedPatchMask, rejected),
    rejectReason: SessionPatchRejectReason.None,
    retryAfterMs: 0,
    effectiveProfileId: patch.profileId,
    effectiveTargetCadenceX100: applied(PatchFlags.TargetCadence) ? patch.targetCadenceX100 : 0,
    effectiveQualityTier: applied(PatchFlags.QualityTier) ? patch.qualityTier : 0,
    effectiveDegradePolicy: applied(PatchFlags.DegradePolicy) ? patch.degradePolicy : 0,
    effectiveLaneMask: applied(PatchFlags.ActiveLaneMask) ? patch.activeLaneMask : 0n,
    effectiveCodecBitmap: applied(PatchFlags.PreferredCodec) ? patch.preferredCodecBitmap : 0,
    effectiveCompressionBitmap: applied(PatchFlags.PreferredCompression) ? patch.preferredCompressionBitmap : 0,
    profilePatchAckBytes: 0,
    ...init,
    appliedPatchMask,
    rejectedPatchMask,
  };
}

function statusOf(applied: number, rejectedMask: number, rejected: boolean): preview3.SessionPatchAckStatus {
  if (applied === 0 && (rejected || rejectedMask !== 0)) return SessionPatchAckStatus.Rejected;
  return rejectedMask === 0 && !rejected ? SessionPatchAckStatus.Accepted : SessionPatchAckStatus.PartiallyApplied;
}
