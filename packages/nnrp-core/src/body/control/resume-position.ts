import { viewOf } from '../../bytes/view-of.js';
import { WireError } from '../../faults/wire-error.js';
import {
  decodeResumePositionPayload,
  encodeResumePositionPayload,
  RESUME_POSITION_PAYLOAD_BYTES,
} from '../../generated/preview3/resume-position-payload.js';

/**
 * Type of the entry by which the two sides of a session that is being resumed say how many packets of the session they
 * have received: the client in SESSION_OPEN, the server in its acknowledgement. Like the announcement it lies in the
 * experimental range, and others may ignore it.
 *
 * @see spec/preview3/extensions/resume_position_payload.ksy
 */
export const RESUME_POSITION_EXTENSION = 0x4e56;

/**
 * Type of the entry by which a client says in SESSION_OPEN that it resumes the session in place of another client, from a ticket,
 * and how many packets that one had received: from the position of the request up to there the server may leave out what it has
 * no longer. In the acknowledgement the server says behind which packet it goes on. The payload is that of a position. A server
 * that knows the entry tells the other client so, as far as it is there. Others may ignore it.
 *
 * @see spec/preview3/extensions/resume_position_payload.ksy
 */
export const RESUME_TICKET_EXTENSION = 0x4e57;

/**
 * @param received - packets of the session that have been received since it was opened, an integer
 * @returns 8 new bytes, a u64
 * @throws WireError field_out_of_range for what is no safe integer of 0 or more
 */
export function encodeResumePosition(received: number): Uint8Array {
  if (!Number.isSafeInteger(received) || received < 0) {
    const value = String(received);
    throw new WireError(
      { kind: 'field_out_of_range', field: 'resume_position.received', type: 'u64', value },
      'RESUME_POSITION',
    );
  }
  const payload = new Uint8Array(RESUME_POSITION_PAYLOAD_BYTES);
  encodeResumePositionPayload({ received: BigInt(received) }, viewOf(payload));
  return payload;
}

/** How many packets a payload says were received; undefined when it has another form, or is more than can be counted. */
export function decodeResumePosition(payload: Uint8Array): number | undefined {
  if (payload.length !== RESUME_POSITION_PAYLOAD_BYTES) return undefined;
  const received = Number(decodeResumePositionPayload(viewOf(payload)).received);
  return Number.isSafeInteger(received) ? received : undefined;
}
