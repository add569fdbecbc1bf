import { checkUnsignedField } from '../../bytes/unsigned-field.js';
import { viewOf } from '../../bytes/view-of.js';
import { WireError } from '../../faults/wire-error.js';

/**
 * Type of an entry in a control extension block by which a side says which messages it understands beyond those that
 * every peer of this revision does. It lies in the experimental range and is an announcement of this implementation:
 * others may ignore it, so it is never critical.
 *
 * @see NNRP/1-preview3 section 13.1
 */
export const PEER_MESSAGES_EXTENSION = 0x4e52;

/** What a side may understand beyond the messages of every peer; bits of the announcement. */
export const PeerMessages = /* @__PURE__ */ Object.freeze({
  /** ERROR, CLOSE, PING and PONG. */
  ErrorClosePing: 0x1,
  /** RESULT_HINT. */
  ResultHint: 0x2,
  /** CACHE_PUT, CACHE_ACK and CACHE_INVALIDATE. */
  Cache: 0x4,
  /** SESSION_CLOSE that comes from the server. */
  ServerSessionClose: 0x8,
  /** Behind the diagnostic text, the body of an ERROR may hold a block of JSON that says more. */
  ErrorDetails: 0x10,
  /** latency_budget_ms 0xffff of a submit means no deadline at all, also where the session has a default one. */
  UnlimitedBudget: 0x20,
  /** Sessions that outlive their connection: resume tokens in bodies, {@link RESUME_POSITION_EXTENSION}, fences by PING. */
  Recovery: 0x40,
} as const);
export type PeerMessages = (typeof PeerMessages)[keyof typeof PeerMessages];

/** Every assigned bit of {@link PeerMessages}. */
export const PEER_MESSAGES_MASK = 0x7f;

/** latency_budget_ms of a submit that has no deadline, where both sides know {@link PeerMessages}.UnlimitedBudget. */
export const UNLIMITED_BUDGET = 0xffff;

/**
 * Type of the entry by which a side that announces itself says how large a packet it takes, where that is not the default
 * of 64 MiB. Others may ignore it, so it is never critical.
 */
export const PACKET_LIMIT_EXTENSION = 0x4e54;

const PAYLOAD_BYTES = 8;
const LIMIT_BYTES = 4;
/** The least that can be announced: a header and nothing else. */
const LEAST_LIMIT = 40;

/**
 * The payload of the announcement: the families as a u32, then a u32 of zero.
 *
 * @param families - bits of {@link PeerMessages}; default all
 * @returns 8 new bytes
 * @throws WireError field_out_of_range for something that is no u32
 */
export function encodePeerMessages(families: number = PEER_MESSAGES_MASK): Uint8Array {
  const unfit = checkUnsignedField('peer_messages.families', 'u32', families);
  if (unfit !== undefined) throw new WireError(unfit, 'PEER_MESSAGES');
  const payload = new Uint8Array(PAYLOAD_BYTES);
  viewOf(payload).setUint32(0, families, true);
  return payload;
}

/**
 * The families that a payload announces, unknown bits included.
 *
 * @returns undefined when the payload has another form: it is then an entry of another protocol with the same type
 */
export function decodePeerMessages(payload: Uint8Array): number | undefined {
  if (payload.length !== PAYLOAD_BYTES) return undefined;
  const view = viewOf(payload);
  return view.getUint32(4, true) === 0 ? view.getUint32(0, true) : undefined;
}

/**
 * The payload of the packet limit: a u32.
 *
 * @param bytes - of the largest packet, header included
 * @returns 4 new bytes
 * @throws WireError field_out_of_range for something that is no u32
 */
export function encodePacketLimit(bytes: number): Uint8Array {
  const unfit = checkUnsignedField('packet_limit.bytes', 'u32', bytes);
  if (unfit !== undefined) throw new WireError(unfit, 'PACKET_LIMIT');
  const payload = new Uint8Array(LIMIT_BYTES);
  viewOf(payload).setUint32(0, bytes, true);
  return payload;
}

/** The largest packet that a payload announces, in bytes; undefined when it has another form. */
export function decodePacketLimit(payload: Uint8Array): number | undefined {
  if (payload.length !== LIMIT_BYTES) return undefined;
  const bytes = viewOf(payload).getUint32(0, true);
  return bytes < LEAST_LIMIT ? undefined : bytes;
}
