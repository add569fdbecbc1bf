import { ProtocolError, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import {
  ErrorCode,
  MessageType,
  PatchFlags,
  SessionPatchAckStatus,
  SessionPatchRejectReason,
} from 'nnrp-core/preview3';
import { type Given, readValues } from '../base/options.js';
import { type BodyInput, unlentBytes } from '../connection/body-bytes.js';
import { SESSION_MIGRATE_ACK, SESSION_PATCH_ACK } from '../connection/codecs.js';
import type { NnrpMigration, NnrpPatch } from './server-messages.js';
import type { SessionCore } from './session-core.js';

/** An answer to SESSION_PATCH; what is left out follows from the patch: everything applied as asked. */
export type PatchAckInit = Given<preview3.SessionPatchAck>;

/** An answer to SESSION_MIGRATE; what is left out refuses (accept_code 1) and replays from the next frame. */
export type MigrateAckInit = Given<preview3.SessionMigrateAck>;

const PATCH_ACK_FIELDS: ReadonlySet<string> = new Set<keyof preview3.SessionPatchAck>([
  'ackStatus',
  'rejectReason',
  'retryAfterMs',
  'effectiveProfileId',
  'effectiveTargetCadenceX100',
  'effectiveQualityTier',
  'effectiveDegradePolicy',
  'effectiveLaneMask',
  'effectiveCodecBitmap',
  'effectiveCompressionBitmap',
  'profilePatchAckBytes',
  'appliedPatchMask',
  'rejectedPatchMask',
]);
const MIGRATE_ACK_FIELDS: ReadonlySet<string> = new Set<keyof preview3.SessionMigrateAck>([
  'acceptCode',
  'resumeFromFrameId',
  'graceWindowMs',
  'serverMigrateTsUs',
]);

/** The complete answer to a patch. With a rejectReason and no masks, everything is rejected. */
export function patchAck({ metadata: patch }: NnrpPatch, given: PatchAckInit = {}): preview3.SessionPatchAck {
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

/** @param body - the profile's own data; its length is written into the metadata */
export function sendPatchAck(core: SessionCore, ack: preview3.SessionPatchAck, body: BodyInput = ''): boolean {
  const bytes = unlentBytes(body);
  const metadata = { ...ack, profilePatchAckBytes: bytes.length };
  const { sessionId, lane, connection } = core;
  return connection.send(MessageType.SessionPatchAck, sessionId, 0, SESSION_PATCH_ACK, metadata, bytes, lane);
}

const LAST_FRAME_ID = 0xffff_ffff_ffff_ffffn;

/** The complete answer to a migration request. */
export function migrateAck({ metadata }: NnrpMigration, given: MigrateAckInit = {}): preview3.SessionMigrateAck {
  const init = readValues('migrate ack', given, MIGRATE_ACK_FIELDS);
  const { lastResultFrameId } = metadata;
  return {
    acceptCode: 1,
    // After the last frame that the field has room for there is none to go on with; the refusal still has to be sent.
    resumeFromFrameId: lastResultFrameId === LAST_FRAME_ID ? LAST_FRAME_ID : lastResultFrameId + 1n,
    graceWindowMs: 0,
    serverMigrateTsUs: BigInt(Math.round(performance.timeOrigin * 1000 + performance.now() * 1000)),
    ...init,
  };
}

/**
 * @throws UsageError when an acceptance breaks MIG-3 or MIG-4 against its request
 */
export function checkMigrateAck({ metadata }: NnrpMigration, ack: preview3.SessionMigrateAck): void {
  // A refusal may be sent for any request, also for one between equal transports.
  if (ack.acceptCode !== 0) return;
  const fault = preview3.checkMigration(metadata, ack);
  if (fault === undefined) return;
  const rule = fault.kind === 'invalid_combination' ? fault.rule : fault.kind;
  throw new UsageError(`sendMigrateAck: rule ${rule} is broken`, {
    cause: new ProtocolError(`SESSION_MIGRATE_ACK breaks ${rule}`, ErrorCode.InvalidState, fault),
  });
}

export function sendMigrateAck(core: SessionCore, ack: preview3.SessionMigrateAck): boolean {
  const { sessionId, lane, connection } = core;
  return connection.send(MessageType.SessionMigrateAck, sessionId, 0, SESSION_MIGRATE_ACK, ack, undefined, lane);
}

function statusOf(applied: number, rejectedMask: number, rejected: boolean): preview3.SessionPatchAckStatus {
  if (applied === 0 && (rejected || rejectedMask !== 0)) return SessionPatchAckStatus.Rejected;
  return rejectedMask === 0 && !rejected ? SessionPatchAckStatus.Accepted : SessionPatchAckStatus.PartiallyApplied;
}
