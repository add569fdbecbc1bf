import * as preview3 from 'nnrp-core/preview3';
import { viewOf } from '../../base/bytes.js';
import type { Ticket, TicketFrame } from './ticket.js';

/** Operations that a ticket holds at most. */
export const MAX_TICKET_FRAMES = 4096;
const MAX_TOKEN_BYTES = 0xffff;
const MAX_ADDRESS_BYTES = 0xff;
const MAX_TEXT_TAIL_BYTES = 3;

/** Where each field of the head begins. Docs: docs/recovery.md, "The bytes of a ticket". */
const AT = Object.freeze({
  sessionId: 0,
  received: 4,
  sent: 12,
  highestFrameId: 20,
  lastResultFrameId: 24,
  flowEpoch: 28,
  maxInFlight: 32,
  flags: 34,
  addressBytes: 35,
  tokenBytes: 36,
  frameCount: 38,
  open: 40,
  flow: 40 + preview3.SESSION_OPEN_BYTES,
});
const HEAD_BYTES = AT.flow + preview3.FLOW_UPDATE_BYTES;
const HAS_MAX_IN_FLIGHT = 1;
const HAS_FLOW = 2;
const HEAD_FLAGS = HAS_MAX_IN_FLIGHT | HAS_FLOW;

const FRAME_AT = Object.freeze({
  frameId: 0,
  flags: 4,
  submit: 5,
  unread: 9,
  deadlineMs: 13,
  leftMs: 17,
  textTail: 21,
});
const FRAME_BYTES = FRAME_AT.textTail;
const IS_CANCELLED = 1;
const IS_OVER = 2;
const WAS_SENT = 4;
const IS_TEXT = 8;
const TAIL_SHIFT = 4;
const TAIL_BITS = 3;
/** Its operation id is not that of the frame, and stands behind the tail. */
const HAS_OWN_ID = 64;
const FRAME_FLAGS = 0x7f;
const ID_BYTES = 8;

/** The longest that a ticket can be. */
export const MAX_TICKET_BYTES =
  HEAD_BYTES + MAX_TOKEN_BYTES + MAX_ADDRESS_BYTES + MAX_TICKET_FRAMES * (FRAME_BYTES + MAX_TEXT_TAIL_BYTES + ID_BYTES);

const UTF8 = new TextEncoder();

/** @param ticket - with at most {@link MAX_TICKET_FRAMES} frames */
export function encodeTicket(ticket: Ticket): Uint8Array {
  const { token, frames, flow, maxInFlight } = ticket;
  const address = addressBytes(ticket.address);
  const framesBytes = frames.reduce((sum, frame) => sum + FRAME_BYTES + frame.textTail.length + idBytes(frame), 0);
  const bytes = new Uint8Array(HEAD_BYTES + token.length + address.length + framesBytes);
  const view = viewOf(bytes);
  view.setUint32(AT.sessionId, ticket.sessionId, true);
  view.setBigUint64(AT.received, BigInt(ticket.received), true);
  view.setBigUint64(AT.sent, BigInt(ticket.sent), true);
  view.setUint32(AT.highestFrameId, ticket.highestFrameId, true);
  view.setUint32(AT.lastResultFrameId, ticket.lastResultFrameId, true);
  view.setUint32(AT.flowEpoch, ticket.flowEpoch, true);
  view.setUint16(AT.maxInFlight, maxInFlight ?? 0, true);
  view.setUint8(AT.flags, (maxInFlight === undefined ? 0 : HAS_MAX_IN_FLIGHT) | (flow === undefined ? 0 : HAS_FLOW));
  view.setUint8(AT.addressBytes, address.length);
  view.setUint16(AT.tokenBytes, token.length, true);
  view.setUint16(AT.frameCount, frames.length, true);
  preview3.encodeSessionOpen(ticket.open, view, AT.open);
  if (flow !== undefined) preview3.encodeFlowUpdate(flow, view, AT.flow);
  bytes.set(token, HEAD_BYTES);
  bytes.set(address, HEAD_BYTES + token.length);
  let at = HEAD_BYTES + token.length + address.length;
  for (const frame of frames) at = encodeFrame(frame, ticket, bytes, view, at);
  return bytes;
}

/** @returns undefined when no ticket has such bytes */
export function decodeTicket(bytes: Uint8Array): Ticket | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = viewOf(bytes);
  const flags = view.getUint8(AT.flags);
  const tokenEnd = HEAD_BYTES + view.getUint16(AT.tokenBytes, true);
  const framesAt = tokenEnd + view.getUint8(AT.addressBytes);
  if ((flags & ~HEAD_FLAGS) !== 0 || tokenEnd === HEAD_BYTES || framesAt > bytes.length) return undefined;
  if (preview3.checkSessionOpen(view, AT.open) >= 0) return undefined;
  const hasFlow = (flags & HAS_FLOW) !== 0;
  if (hasFlow && preview3.checkFlowUpdate(view, AT.flow) >= 0) return undefined;
  const numbers = { received: count(view, AT.received), sent: count(view, AT.sent) };
  const frames = decodeFrames(bytes, view, framesAt, numbers);
  if (frames === undefined) return undefined;
  const ticket: Ticket = {
    sessionId: view.getUint32(AT.sessionId, true),
    token: bytes.slice(HEAD_BYTES, tokenEnd),
    ...numbers,
    highestFrameId: view.getUint32(AT.highestFrameId, true),
    lastResultFrameId: view.getUint32(AT.lastResultFrameId, true),
    flowEpoch: view.getUint32(AT.flowEpoch, true),
    open: preview3.decodeSessionOpen(view, AT.open),
    maxInFlight: (flags & HAS_MAX_IN_FLIGHT) === 0 ? undefined : view.getUint16(AT.maxInFlight, true),
    flow: hasFlow ? preview3.decodeFlowUpdate(view, AT.flow) : undefined,
    address: new TextDecoder().decode(bytes.subarray(tokenEnd, framesAt)),
    frames,
  };
  return isPossible(ticket) ? ticket : undefined;
}

function encodeFrame(frame: TicketFrame, ticket: Ticket, bytes: Uint8Array, view: DataView, at: number): number {
  const { submit, unreadFrom, textTail, operationId } = frame;
  const hasOwnId = idBytes(frame) > 0;
  view.setUint32(at + FRAME_AT.frameId, frame.frameId, true);
  const flags =
    (frame.isCancelled ? IS_CANCELLED : 0) |
    (frame.isOver ? IS_OVER : 0) |
    (frame.wasSent ? WAS_SENT : 0) |
    (frame.isText ? IS_TEXT : 0) |
    (hasOwnId ? HAS_OWN_ID : 0);
  view.setUint8(at + FRAME_AT.flags, flags | (textTail.length << TAIL_SHIFT));
  // As distances: packets of a session may be more than 32 bits can count, those under way are not.
  const submitDistance = frame.wasSent ? (submit === 0 ? 0 : ticket.sent - submit + 1) : submit - ticket.sent;
  view.setUint32(at + FRAME_AT.submit, submitDistance, true);
  view.setUint32(at + FRAME_AT.unread, unreadFrom === 0 ? 0 : ticket.received - unreadFrom + 1, true);
  view.setUint32(at + FRAME_AT.deadlineMs, frame.deadlineMs, true);
  view.setUint32(at + FRAME_AT.leftMs, frame.leftMs, true);
  bytes.set(textTail, at + FRAME_AT.textTail);
  const tailEnd = at + FRAME_BYTES + textTail.length;
  if (hasOwnId) view.setBigUint64(tailEnd, operationId, true);
  return tailEnd + idBytes(frame);
}

function idBytes({ operationId, frameId }: TicketFrame): number {
  return operationId === BigInt(frameId) ? 0 : ID_BYTES;
}

function decodeFrames(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  { received, sent }: { readonly received: number; readonly sent: number },
): TicketFrame[] | undefined {
  const frames: TicketFrame[] = [];
  let at = from;
  for (let left = view.getUint16(AT.frameCount, true); left > 0; left--) {
    if (at + FRAME_BYTES > bytes.length) return undefined;
    const flags = view.getUint8(at + FRAME_AT.flags);
    const tailEnd = at + FRAME_BYTES + ((flags >> TAIL_SHIFT) & TAIL_BITS);
    const end = tailEnd + ((flags & HAS_OWN_ID) === 0 ? 0 : ID_BYTES);
    if ((flags & ~FRAME_FLAGS) !== 0 || end > bytes.length) return undefined;
    const frameId = view.getUint32(at + FRAME_AT.frameId, true);
    const operationId = end === tailEnd ? BigInt(frameId) : view.getBigUint64(tailEnd, true);
    const submit = view.getUint32(at + FRAME_AT.submit, true);
    const unread = view.getUint32(at + FRAME_AT.unread, true);
    const wasSent = (flags & WAS_SENT) !== 0;
    if (unread > received || (wasSent ? submit > sent : submit === 0)) return undefined;
    frames.push({
      frameId,
      operationId,
      isCancelled: (flags & IS_CANCELLED) !== 0,
      isOver: (flags & IS_OVER) !== 0,
      wasSent,
      submit: wasSent ? (submit === 0 ? 0 : sent - submit + 1) : sent + submit,
      unreadFrom: unread === 0 ? 0 : received - unread + 1,
      deadlineMs: view.getUint32(at + FRAME_AT.deadlineMs, true),
      leftMs: view.getUint32(at + FRAME_AT.leftMs, true),
      isText: (flags & IS_TEXT) !== 0,
      textTail: bytes.slice(at + FRAME_AT.textTail, tailEnd),
    });
    at = end;
  }
  return at === bytes.length && frames.length <= MAX_TICKET_FRAMES ? frames : undefined;
}

/** What no session could have said. */
function isPossible({ sessionId, received, sent, open, flow, frames, highestFrameId }: Ticket): boolean {
  if (sessionId === 0 || !Number.isSafeInteger(received) || !Number.isSafeInteger(sent)) return false;
  if (open.resumeTokenBytes + open.authBytes + open.sessionExtensionBytes > 0) return false;
  if (flow !== undefined && flow.scopeKind !== preview3.ScopeKind.Session) return false;
  let before = 0;
  if (new Set(frames.map(({ operationId }) => operationId)).size < frames.length) return false;
  for (const { frameId, operationId, isOver, isCancelled, unreadFrom } of frames) {
    if (frameId <= before || operationId === 0n || (isOver && (isCancelled || unreadFrom === 0))) return false;
    before = frameId;
  }
  return before <= highestFrameId;
}

/** One that cannot be counted is none that is possible. */
function count(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

/** As much of it as fits: a hint that is cut is none. */
function addressBytes(address: string): Uint8Array {
  const bytes = UTF8.encode(address);
  return bytes.length > MAX_ADDRESS_BYTES ? new Uint8Array(0) : bytes;
}
