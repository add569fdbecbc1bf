import type * as preview3 from 'nnrp-core/preview3';

/** An operation of the session that made the ticket: without its last answer, or with results that were not read. */
export interface TicketFrame {
  readonly frameId: number;
  /** In preview3 the frame id. */
  readonly operationId: bigint;
  /** The application had given it up, and the server had not confirmed that. */
  readonly isCancelled: boolean;
  /** Its last answer had come, and was not read. */
  readonly isOver: boolean;
  /** Whether its submit had been handed to a connection. */
  readonly wasSent: boolean;
  /** Which packet of its client its submit is, counted from 1; 0 when it is known to have arrived. */
  readonly submit: number;
  /** Which packet of the server brought the first result that was not read, counted from 1; 0 = all were read. */
  readonly unreadFrom: number;
  /** Milliseconds, 0 = none. */
  readonly deadlineMs: number;
  /** What was left of it. */
  readonly leftMs: number;
  /** Whether its text has been read, as far as it had come ... */
  readonly isText: boolean;
  /** ... and the bytes of a character whose rest had not come; at most 3. */
  readonly textTail: Uint8Array;
}

/** What another client needs to go on with a session. */
export interface Ticket {
  readonly sessionId: number;
  readonly token: Uint8Array;
  /** Packets of the server that had been received. */
  readonly received: number;
  /** Packets that had been sent. */
  readonly sent: number;
  readonly highestFrameId: number;
  readonly lastResultFrameId: number;
  /** The highest epoch of any FLOW_UPDATE of the session that was sent. */
  readonly flowEpoch: number;
  /** What the session was asked for by, without token, auth and extensions. */
  readonly open: preview3.SessionOpen;
  /** Operations in flight that the application has asked for; undefined when the default stands in the open. */
  readonly maxInFlight: number | undefined;
  /** What the server has said of the flow of the session; undefined when it has said nothing. */
  readonly flow: preview3.FlowUpdate | undefined;
  /** Of the server. A hint: another address may lead to the same server. */
  readonly address: string;
  /** By ascending id. */
  readonly frames: readonly TicketFrame[];
}

/** How many packets of the server the application has had all of: from there on nothing is missing when the server sends the rest. */
export function readUpTo({ received, frames }: Ticket): number {
  let upTo = received;
  for (const { unreadFrom } of frames) if (unreadFrom > 0) upTo = Math.min(upTo, unreadFrom - 1);
  return upTo;
}
