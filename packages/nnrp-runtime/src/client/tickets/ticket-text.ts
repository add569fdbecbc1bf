import { shownValue, UsageError } from 'nnrp-core';
import { viewOf } from '../../base/bytes.js';
import { base64url, base64urlBytes } from '../../platform/platform.js';
import { crc32 } from './crc32.js';
import type { Ticket } from './ticket.js';
import { decodeTicket, encodeTicket, MAX_TICKET_BYTES } from './ticket-bytes.js';

/** Names the layout: another layout has another number. */
const PREFIX = 'nnrp1.';
const ANY_VERSION = /^nnrp\d+\./;
const ALPHABET = /^[A-Za-z0-9_-]*$/;
const CHECK_BYTES = 4;
const MAX_CHARACTERS = PREFIX.length + Math.ceil(((CHECK_BYTES + MAX_TICKET_BYTES) * 4) / 3);

/** The ticket as text that is safe in URLs, storage and environment variables. */
export function ticketText(ticket: Ticket): string {
  const content = encodeTicket(ticket);
  const bytes = new Uint8Array(CHECK_BYTES + content.length);
  viewOf(bytes).setUint32(0, crc32(content), true);
  bytes.set(content, CHECK_BYTES);
  return PREFIX + base64url(bytes);
}

/** @throws UsageError when it is no ticket, or none of this version; the text is a secret, and not repeated */
export function readTicket(text: unknown): Ticket {
  if (typeof text !== 'string') throw wrong(`got ${shownValue(text)}`);
  const { length } = text;
  if (!text.startsWith(PREFIX)) {
    throw wrong(ANY_VERSION.test(text) ? 'it is of another version' : `got ${length} characters of something else`);
  }
  if (length > MAX_CHARACTERS) throw wrong(`got ${length} characters, more than a ticket has`);
  const coded = text.slice(PREFIX.length);
  const bytes = ALPHABET.test(coded) ? base64urlBytes(coded) : undefined;
  // Several texts of the same bytes would be several tickets.
  const isWhole = bytes !== undefined && base64url(bytes) === coded;
  if (!isWhole || bytes.length < CHECK_BYTES) throw wrong(`its ${length} characters are damaged`);
  const content = bytes.subarray(CHECK_BYTES);
  if (viewOf(bytes).getUint32(0, true) !== crc32(content)) {
    throw wrong(`its ${length} characters are damaged: some are missing, or were changed`);
  }
  const ticket = decodeTicket(content);
  if (ticket === undefined) throw wrong(`its ${length} characters say what no session could`);
  return ticket;
}

/**
 * The address of the server that a ticket is for, such as 127.0.0.1:4433, to connect to before `resumeSession`. A hint: behind
 * another address may be the same server. Empty where the address is longer than 255 bytes.
 * @throws UsageError when it is no ticket
 */
export function ticketAddress(ticket: string): string {
  return readTicket(ticket).address;
}

function wrong(why: string): UsageError {
  return new UsageError(`ticket: expected what NnrpClientSession.ticket() gives, which begins with ${PREFIX}; ${why}`);
}
