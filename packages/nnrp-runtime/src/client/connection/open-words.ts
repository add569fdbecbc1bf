import { type Packet, PeerError, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { concatBytes } from '../../base/bytes.js';
import { extensionsOf, isAnnouncement } from '../../connection/announcement.js';
import { bodyText } from '../../connection/body/body-reading.js';
import { type ErrorDetails, MAX_DETAILS_BYTES } from '../../connection/errors/error-details.js';
import { readRefusal } from '../../connection/errors/open-refusal.js';
import { canResume } from '../../connection/recovery/resume-grant.js';
import type { Dialect } from '../../connection/revision/dialect.js';
import type { ServerHello } from '../hello/hello-exchange.js';
import type { ResumeGrant } from '../recovery/resumable-session.js';
import { tokenBytesIn } from './open-answer.js';

/** Profiles that a bit of a hello stands for, and all of these bits. */
const MAX_OFFERED_PROFILE = 32;
const ANY_PROFILE = -1;

/** What the opening of a session needs to know of the connection. */
export interface OpeningWords {
  readonly dialect: Dialect;
  /** Whether the server is one of this library. */
  readonly isAnnounced: boolean;
  readonly serverHello: ServerHello | undefined;
}

/** A request as it is sent. */
export interface SentOpen {
  readonly open: preview3.SessionOpen;
  readonly body: Uint8Array;
}

/**
 * The request as the server takes it: in preview4 servers of others have no room for anything but a token.
 * @throws UsageError when they would have to read more, or have not accepted the profile; PeerError when they have not let the client in
 */
export function openFor({ dialect, isAnnounced, serverHello }: OpeningWords, sent: SentOpen): SentOpen {
  if (!dialect.isPreview4) return sent;
  const { open, body } = sent;
  const { acceptedProfileBitmap: accepted = ANY_PROFILE, authStatus } = serverHello?.ack ?? {};
  if (authStatus)
    throw new PeerError(
      'NNRP_ERR_SESSION_REFUSED',
      `the server refuses the session: auth_status ${authStatus}`,
      preview3.SessionErrorCode.AuthFailed,
    );
  const { profileId, resumeTokenBytes, authBytes } = open;
  const isOffered = profileId > 0 && profileId <= MAX_OFFERED_PROFILE;
  if (isOffered && (accepted & (1 << (profileId - 1))) === 0)
    throw new UsageError(`profile ${profileId}: the server has not accepted it in its hello`);
  if (isAnnounced) return sent;
  if (authBytes > 0) throw new UsageError('auth: this server speaks preview4, which has no room for it in an open');
  if (!extensionsOf(body.subarray(resumeTokenBytes)).every(isAnnouncement))
    throw new UsageError('extensions: this server speaks preview4, which has no room for them in an open');
  return { open: { ...open, sessionExtensionBytes: 0 }, body: body.subarray(0, resumeTokenBytes) };
}

/** The request that goes on with a session of a server that is none of this library. @param sent - what it was opened by */
export function openByToken({ open, body }: SentOpen, sessionId: number, token: Uint8Array): SentOpen {
  return {
    open: {
      ...open,
      requestedSessionId: sessionId,
      sessionFlags: open.sessionFlags | preview3.SessionFlags.AllowResume,
      resumeTokenBytes: token.length,
    },
    body: concatBytes([token, body]),
  };
}

/** The token of a server that is none of this library, in memory of its own; undefined when the session cannot be resumed. */
export function foreignGrant(
  { dialect, isAnnounced }: OpeningWords,
  ack: preview3.SessionOpenAck,
  packet: Packet,
): ResumeGrant | undefined {
  const tokenBytes = tokenBytesIn(ack, packet);
  const { resumeWindowMs: windowMs } = ack;
  if (!dialect.isPreview4 || isAnnounced || !canResume(tokenBytes, windowMs)) return undefined;
  return { token: new Uint8Array(packet.body.subarray(0, tokenBytes)), windowMs };
}

/** What an acknowledgement that refuses says: in preview4 its body is text, unless it comes from a server of this library. */
export function refusalIn(
  { dialect, isAnnounced }: OpeningWords,
  ack: preview3.SessionOpenAck,
  packet: Packet,
): ErrorDetails {
  if (dialect.isPreview4 && !isAnnounced) {
    const { body } = packet;
    return body.length === 0 ? {} : { message: bodyText(body.subarray(0, MAX_DETAILS_BYTES)) };
  }
  return readRefusal(extensionsOf(packet.body.subarray(tokenBytesIn(ack, packet))));
}
