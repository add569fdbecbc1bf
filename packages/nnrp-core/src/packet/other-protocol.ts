import { printable } from '../text/printable.js';

/** Protocols that reach an end of NNRP by mistake. */
export type OtherProtocol = 'TLS' | 'HTTP' | 'HTTP/2' | 'SSH' | 'PROXY' | 'NNRP';

const HTTP_METHODS = 'GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE';
const TEXTS: readonly (readonly [OtherProtocol, RegExp])[] = [
  ['NNRP', /^NNRP/],
  ['HTTP', new RegExp(`^(?:HTTP/\\d|(?:${HTTP_METHODS}) )`)],
  ['HTTP/2', /^PRI \* HTTP\/2/],
  ['SSH', /^SSH-\d/],
  ['PROXY', /^PROXY (?:TCP|UNKNOWN)/],
];
/** How the second version of the PROXY protocol begins. */
const PROXY_2 = '\r\n\r\n\0\r\nQUIT\n';
const SETTINGS = 4;

const MOST_BYTES = 64;
const HEX_BYTES = 12;

/**
 * The protocol of a peer that sends something else than was expected, by its first bytes. `NNRP` is one where these bytes
 * were to be another protocol.
 *
 * @returns undefined when it is none of those that are known
 */
export function otherProtocol(start: Uint8Array): OtherProtocol | undefined {
  if (isTlsRecord(start)) return 'TLS';
  if (isHttp2Settings(start)) return 'HTTP/2';
  const text = latin1(start);
  if (text.startsWith(PROXY_2)) return 'PROXY';
  return TEXTS.find(([, beginning]) => beginning.test(text))?.[0];
}

/** A type of 20 to 23 and a version of 3.0 to 3.4. */
function isTlsRecord([type = 0, major, minor = 0xff]: Uint8Array): boolean {
  return type >= 20 && type <= 23 && major === 3 && minor <= 4;
}

/** What a server of HTTP/2 says first: a frame SETTINGS without flags, of stream 0, 16 KiB long at most. */
function isHttp2Settings(start: Uint8Array): boolean {
  const [first, second = 0xff, , type, ...rest] = start.subarray(0, 9);
  return first === 0 && second <= 0x40 && type === SETTINGS && rest.length === 5 && rest.every((byte) => byte === 0);
}

/**
 * The first bytes of a peer for people to read: the first line of a text, else some bytes in hex. It is short and has no
 * character that a terminal obeys.
 */
export function shownStart(start: Uint8Array): string {
  const [line = ''] = latin1(start).split(/\r?\n|\r$/, 1);
  if (/^[\x20-\x7e]+$/.test(line)) return `"${printable(line, MOST_BYTES)}"`;
  const bytes = [...start.subarray(0, HEX_BYTES)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `the bytes ${bytes.join(' ')}${start.length > HEX_BYTES ? ' ...' : ''}`;
}

function latin1(start: Uint8Array): string {
  return String.fromCharCode(...start.subarray(0, MOST_BYTES));
}
