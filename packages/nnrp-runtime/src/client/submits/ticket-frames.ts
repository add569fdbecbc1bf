import type { IdTable } from 'nnrp-core';
import { EMPTY_BYTES } from '../../base/bytes.js';
import type { ResumableSession } from '../recovery/resumable-session.js';
import type { ClientOperation } from '../results/client-operation.js';
import type { ResultStream } from '../results/result-stream.js';
import type { TicketFrame } from '../tickets/ticket.js';
import type { UnreadEnds } from './unread-ends.js';

/** The work of a session, as far as a ticket needs it. */
export interface TicketWork {
  /** Without their last answer. */
  readonly operations: IdTable<ClientOperation>;
  readonly ends: UnreadEnds;
  readonly stream: ResultStream | undefined;
}

/** The operations that another client is to go on with. */
export function ticketFrames({ operations, ends, stream }: TicketWork, session: ResumableSession): TicketFrame[] {
  const submits = session.submitsUnderWay();
  const { packets, lastSubmit } = session.sent;
  const streamed = stream?.unreadFrom() ?? new Map<ClientOperation, number>();
  const all = new Set([...operations.values(), ...ends.operations(), ...streamed.keys()]);
  const frames: TicketFrame[] = [];
  // Those that are not with the transport yet leave in the order of their ids.
  let unsent = packets;
  for (const operation of [...all].sort((one, other) => one.frameId - other.frameId)) {
    const { frameId, isOver, deadlineMs } = operation;
    const isCancelled = isOver && operations.has(frameId);
    // Of an operation that goes on, the server may still have to send what another client has had and not read.
    const toCome = isOver ? 0 : (session.had?.unreadFrom(frameId) ?? 0);
    const unreadFrom = isCancelled ? 0 : firstUnread(operation, streamed.get(operation)) || toCome;
    const isEnded = isOver ? !isCancelled : toCome > 0 && session.had?.isOver(frameId) === true;
    if (isEnded && unreadFrom === 0) continue;
    const known = submits.get(frameId);
    const wasSent = known === undefined ? frameId <= lastSubmit : known <= packets;
    const submit = known ?? (wasSent ? 0 : ++unsent);
    const textTail = operation.textTail ?? EMPTY_BYTES;
    const isText = operation.textTail !== undefined;
    const leftMs = Math.ceil(operation.leftMs);
    const state = { isCancelled, isOver: isEnded, wasSent, submit, unreadFrom };
    frames.push({ frameId, operationId: operation.id, ...state, deadlineMs, leftMs, isText, textTail });
  }
  return frames;
}

/** @param streamed - the first of its results that waits in the loop over the whole session */
function firstUnread(operation: ClientOperation, streamed: number | undefined): number {
  const own = operation.isStreamed && !operation.takesPartials ? 0 : operation.unreadFrom;
  return own === 0 || streamed === undefined ? own || (streamed ?? 0) : Math.min(own, streamed);
}
