import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';

const NOTHING: preview3.SessionOpen = Object.freeze({
  requestedSessionId: 0,
  profileId: preview3.ProfileId.Token,
  priorityClass: preview3.SessionPriorityClass.Balanced,
  sessionFlags: 0,
  schemaId: 0,
  schemaVersion: 0,
  defaultDeadlineMs: 0,
  maxInFlightOperations: 0,
  leaseTtlHintMs: 0,
  resumeTokenBytes: 0,
  authBytes: 0,
  sessionExtensionBytes: 0,
  clientSessionTag: 0n,
});

/** What can be read of a SESSION_OPEN that breaks a rule, for the answer that refuses it. */
export function readableOpen({ view, metadataStart, metadataLength }: Packet): preview3.SessionOpen {
  if (metadataLength < preview3.SESSION_OPEN_BYTES) return NOTHING;
  if (preview3.checkSessionOpen(view, metadataStart) >= 0) return NOTHING;
  return Object.freeze(preview3.decodeSessionOpen(view, metadataStart));
}
