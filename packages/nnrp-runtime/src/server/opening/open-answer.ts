import * as preview3 from 'nnrp-core/preview3';
import { announcement } from '../../connection/announcement.js';
import type { ErrorDetails } from '../../connection/errors/error-details.js';
import { refusalBlock } from '../../connection/errors/open-refusal.js';

/** SESSION_OPEN_ACK with its body. */
export interface OpenAnswer {
  readonly metadata: preview3.SessionOpenAck;
  readonly body: Uint8Array | undefined;
}

/** To a client that says what it understands, the server says the same of itself; others get the acknowledgement alone. */
export function grantedAnswer(ack: preview3.SessionOpenAck, families: number, maxPacketBytes: number): OpenAnswer {
  return answerWith(ack, families === 0 ? undefined : preview3.encodeControlExtensions(announcement(maxPacketBytes)));
}

/** @param understandsDetails - whether the client is told why beyond the code */
export function refusedAnswer(
  ack: preview3.SessionOpenAck,
  why: ErrorDetails | undefined,
  understandsDetails: boolean,
): OpenAnswer {
  return answerWith(ack, understandsDetails && why !== undefined ? refusalBlock(why) : undefined);
}

function answerWith(ack: preview3.SessionOpenAck, body: Uint8Array | undefined): OpenAnswer {
  return { metadata: body === undefined ? ack : { ...ack, sessionExtensionBytes: body.length }, body };
}
