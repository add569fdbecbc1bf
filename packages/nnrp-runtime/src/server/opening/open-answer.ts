import * as preview3 from 'nnrp-core/preview3';
import { announcement } from '../../connection/announcement.js';
import { diagnosticOf, type ErrorDetails } from '../../connection/errors/error-details.js';
import { refusalBlock } from '../../connection/errors/open-refusal.js';
import { positionEntry } from '../../connection/recovery/position-entry.js';

/** SESSION_OPEN_ACK with its body. */
export interface OpenAnswer {
  readonly metadata: preview3.SessionOpenAck;
  readonly body: Uint8Array | undefined;
}

/** What the client of a session that can be resumed is told of it. */
export interface ResumeAnswer {
  readonly token: Uint8Array;
  /** Packets of the session that the server has received; undefined for a new session. */
  readonly received: number | undefined;
  /** Packets of the session behind which it goes on, for a client that comes in place of another one. */
  readonly from?: number | undefined;
}

/**
 * To a client that says what it understands, the server says the same of itself; others get the acknowledgement alone, with
 * the token when the session can be resumed.
 */
export function grantedAnswer(
  ack: preview3.SessionOpenAck,
  families: number,
  maxPacketBytes: number,
  resume?: ResumeAnswer,
): OpenAnswer {
  const extensions = families === 0 ? undefined : announcement(maxPacketBytes);
  if (extensions !== undefined && resume?.received !== undefined) {
    extensions.push(positionEntry(preview3.RESUME_POSITION_EXTENSION, resume.received));
    if (resume.from !== undefined) extensions.push(positionEntry(preview3.RESUME_TICKET_EXTENSION, resume.from));
  }
  const answer = answerWith(ack, extensions && preview3.encodeControlExtensions(extensions));
  return resume === undefined ? answer : withToken(answer, resume.token);
}

function withToken({ metadata, body }: OpenAnswer, token: Uint8Array): OpenAnswer {
  const whole = new Uint8Array(token.length + (body?.length ?? 0));
  whole.set(token);
  if (body !== undefined) whole.set(body, token.length);
  return { metadata, body: whole };
}

/** @param understandsDetails - whether the client is told why beyond the code */
export function refusedAnswer(
  open: Pick<preview3.SessionOpen, 'maxInFlightOperations'>,
  ack: preview3.SessionOpenAck,
  why: ErrorDetails | undefined,
  understandsDetails: boolean,
  isPreview4 = false,
): OpenAnswer {
  if (isPreview4 && !understandsDetails) {
    const text = diagnosticOf(why?.message ?? textOf(open, ack)).bytes;
    return answerWith(ack, text.length === 0 ? undefined : text);
  }
  return answerWith(ack, understandsDetails && why !== undefined ? refusalBlock(why) : undefined);
}

/** What clients of preview4 read of refusals that are the protocol's own; of others the code says all. */
function textOf(
  { maxInFlightOperations: asked }: Pick<preview3.SessionOpen, 'maxInFlightOperations'>,
  { sessionErrorCode, maxInFlightOperations: limit }: preview3.SessionOpenAck,
): string {
  const isTooMuch = sessionErrorCode === preview3.SessionErrorCode.SessionLimitReached && limit > 0 && asked > limit;
  if (isTooMuch) return `maxInFlightOperations: asked for ${asked}, the server allows ${limit}`;
  return TEXTS[sessionErrorCode] ?? '';
}

const TEXTS: Readonly<Record<number, string>> = {
  [preview3.SessionErrorCode.ProfileUnsupported]: 'the profile is not served',
  [preview3.SessionErrorCode.SchemaUnsupported]: 'the schema is not installed',
};

function answerWith(ack: preview3.SessionOpenAck, body: Uint8Array | undefined): OpenAnswer {
  return { metadata: body === undefined ? ack : { ...ack, sessionExtensionBytes: body.length }, body };
}
