import { ErrorScope, PeerMessages, SessionPatchRejectReason } from 'nnrp-core/preview3';
import type { AnsweredRequest } from '../connection/error-details.js';
import type { FrameFailure } from './frame-failure.js';
import type { NnrpMigration, NnrpPatch } from './server-messages.js';
import { migrateAck, patchAck, sendMigrateAck, sendPatchAck } from './session-answers.js';
import type { SessionCore } from './session-core.js';

/**
 * Answers a patch whose handler has failed: by an ERROR that says so, or to a client that does not understand it by a
 * rejection.
 *
 * @returns false when the patch has an answer already
 */
export function failPatch(core: SessionCore, patch: NnrpPatch, failure: FrameFailure): boolean {
  if (!core.pendingPatches.answered(patch)) return false;
  if (answeredByError(core, 'SESSION_PATCH', failure)) return true;
  const { retryAfterMs } = failure;
  const { RateLimited, UnsupportedField } = SessionPatchRejectReason;
  const rejectReason = retryAfterMs > 0 ? RateLimited : UnsupportedField;
  sendPatchAck(core, patchAck(patch, { rejectReason, retryAfterMs }));
  return true;
}

/** The same for a migration: other clients get a refusal whose accept_code is the error code. */
export function failMigration(core: SessionCore, migration: NnrpMigration, failure: FrameFailure): boolean {
  if (!core.pendingMigrations.answered(migration)) return false;
  if (!answeredByError(core, 'SESSION_MIGRATE', failure)) {
    sendMigrateAck(core, migrateAck(migration, { acceptCode: failure.wireCode }));
  }
  return true;
}

function answeredByError(core: SessionCore, answers: AnsweredRequest, failure: FrameFailure): boolean {
  const { sessionId, lane, connection } = core;
  if (!connection.understands(PeerMessages.ErrorDetails)) return false;
  const { wireCode, text, retryAfterMs, details } = failure;
  const options = { sessionId, lane, retryAfterMs, details: { ...details, answers } };
  connection.sendError(wireCode, ErrorScope.Session, text, options);
  return true;
}
